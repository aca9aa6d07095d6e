"""Where devices find this hub."""

from hub.config import HubConfig
from hub.keys.enrolment import HubAddress
from shared.adapters.mqtt_events import Address


def public_address(config: HubConfig, api_port: int, broker_port: int) -> HubAddress:
    """Return what devices are told: where HTTPS and brokers are."""
    own = (str(Address(host=config.public_host, port=broker_port)),)
    return HubAddress(
        hub=str(Address(host=config.public_host, port=api_port)),
        brokers=config.broker_addresses or own,
    )
