"""Charts that are drawn when a page is written: after its transaction, and never for a JSON or CSV twin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from markupsafe import Markup

from roadworthy.foundation.charts import ChartRenderer
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import assert_no_transaction
from roadworthy.foundation.web.context import Call
from roadworthy.portfolio.charts import Chart

CHARTS_SOCKET = "foundation.charts"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart with the renderer that draws it as soon as a template asks."""

    chart: Chart
    renderer: ChartRenderer

    def __html__(self) -> Markup:
        """Return the drawing, or a sentence where there can be none: the table beside it says the same."""
        assert_no_transaction()
        try:
            # The renderer escapes the words and refuses whatever is active.
            return Markup(  # noqa: S704
                self.renderer.render_svg(
                    self.chart.spec, title=self.chart.title, description=self.chart.description
                )
            )
        except RoadworthyError as error:
            return Markup('<p class="muted">{} {} The table holds the same figures.</p>').format(
                error.what, error.why
            )


Draw: TypeAlias = Callable[[Chart], Drawn]


def drawer_of(call: Call) -> Draw:
    """Return what turns a chart into a drawing, with the renderer of this installation."""
    renderer = call.parts.sockets[CHARTS_SOCKET]
    assert isinstance(renderer, ChartRenderer)
    return lambda chart: Drawn(chart, renderer)
