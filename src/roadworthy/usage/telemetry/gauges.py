"""What a process says of itself on its page of figures, beside the calls it counted."""

from __future__ import annotations

from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import Spool
from roadworthy.usage.telemetry.export import Exporter

Figures = dict[str, tuple[str, float]]


def of_gateway(spool: Spool, shipper: Shipper) -> Figures:
    """Return how a gateway's records travel."""
    return {
        "roadworthy_records_shipped_total": ("Call records that have arrived in the store.", shipper.shipped),
        "roadworthy_spool_torn_bytes_total": ("Bytes of the spool that are no record.", shipper.torn_bytes),
        "roadworthy_spool_bytes": ("Bytes of call records that wait in the spool.", spool.bytes_used()),
        "roadworthy_shipping_failed": ("1 while the store does not take records.", bool(shipper.error)),
    }


def of_exporter(exporter: Exporter | None) -> Figures:
    """Return how calls reach the collector; nothing where none is declared."""
    if exporter is None:
        return {}
    return {
        "roadworthy_exported_calls_total": ("Calls that the collector took.", exporter.sent),
        "roadworthy_export_dropped_calls_total": (
            "Calls that were passed over because too many waited for the collector.",
            exporter.dropped,
        ),
        "roadworthy_export_failed": ("1 while the collector takes no calls.", bool(exporter.error)),
    }
