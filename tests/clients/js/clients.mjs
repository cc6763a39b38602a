// OpenAI's, Anthropic's and Vercel's own JavaScript clients, unchanged but for base URL and key.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, generateText, jsonSchema, streamText, tool } from "ai";
import OpenAI from "openai";

const messages = [{ role: "user", content: "Say hello." }];
const schema = { type: "object", properties: { city: { type: "string", maxLength: 20 } }, required: ["city"] };

async function openai() {
  const client = new OpenAI({ maxRetries: 0, timeout: 200_000 });
  const whole = await client.chat.completions.create({ model: "small", messages, max_tokens: 8 });
  assert.ok(whole.choices[0].message.content);
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model: "small", messages, max_tokens: 8, stream: true }))
    text += chunk.choices[0]?.delta?.content ?? "";
  assert.ok(text);
  const tools = [{ type: "function", function: { name: "weather", parameters: schema } }];
  const called = await client.chat.completions.create({ model: "small", messages, max_tokens: 200, tools, tool_choice: "required" });
  assert.equal(called.choices[0].message.tool_calls[0].function.name, "weather");
  for (const model of ["small", "small-a"]) {
    const stream = client.responses.stream({ model, input: "Say hello.", max_output_tokens: 8 });
    const kinds = [];
    for await (const event of stream) kinds.push(event.type);
    assert.ok(kinds.includes("response.output_text.delta"));
  }
  const vectors = await client.embeddings.create({ model: "vectors", input: ["one", "two"] });
  assert.equal(vectors.data.length, 2);
  await assert.rejects(client.chat.completions.create({ model: "nothing", messages }), OpenAI.APIError);
}

async function anthropic() {
  const client = new Anthropic({ maxRetries: 0, timeout: 200_000 });
  for (const model of ["small", "small-a"]) {
    const whole = await client.messages.create({ model, messages, max_tokens: 8 });
    assert.ok(whole.content[0].text);
    assert.ok(await client.messages.stream({ model, messages, max_tokens: 8 }).finalText());
    const tools = [{ name: "weather", input_schema: schema }];
    const called = await client.messages.create({ model, messages, max_tokens: 200, tools, tool_choice: { type: "any" } });
    assert.equal(called.content.at(-1).name, "weather");
  }
  assert.ok((await client.messages.countTokens({ model: "small-a", messages })).input_tokens > 0);
  await assert.rejects(client.messages.create({ model: "nothing", messages, max_tokens: 8 }), Anthropic.APIError);
}

async function vercel() {
  const provider = createOpenAICompatible({
    name: "gateway",
    baseURL: process.env.OPENAI_BASE_URL,
    apiKey: process.env.OPENAI_API_KEY,
  });
  const model = provider("small");
  assert.ok((await generateText({ model, prompt: "Say hello.", maxOutputTokens: 8 })).text);
  let text = "";
  for await (const piece of streamText({ model, prompt: "Say hello.", maxOutputTokens: 8 }).textStream) text += piece;
  assert.ok(text);
  const tools = { weather: tool({ description: "The weather.", inputSchema: jsonSchema(schema) }) };
  const called = await generateText({ model, prompt: "The weather?", maxOutputTokens: 200, tools, toolChoice: "required" });
  assert.equal(called.toolCalls[0].toolName, "weather");
  const vector = await embed({ model: provider.textEmbeddingModel("vectors"), value: "one" });
  assert.ok(vector.embedding.length > 100);
}

for (const check of [openai, anthropic, vercel]) await check();
