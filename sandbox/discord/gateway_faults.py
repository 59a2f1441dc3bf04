"""Faults of the gateway: connections that end too early or are not answered.

https://docs.discord.com/developers/events/gateway#disconnecting
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from sandbox.discord.errors import ActionRefused
from sandbox.discord.protocol import Opcode

FaultMoment = Literal["connect", "identify", "resume", "heartbeat"]
FaultEffect = Literal["close", "invalid_session", "ignore"]

_MOMENT_BY_OPCODE: Final[dict[int, FaultMoment]] = {
    Opcode.IDENTIFY: "identify",
    Opcode.RESUME: "resume",
    Opcode.HEARTBEAT: "heartbeat",
}


@dataclass(slots=True, eq=False)
class GatewayFault:
    """One fault. With ``times`` None it never ends. A close without ``code`` cuts the line."""

    moment: FaultMoment
    effect: FaultEffect
    code: int | None = None
    times: int | None = 1

    @classmethod
    def parse(cls, order: dict[str, Any]) -> "GatewayFault":
        """Read ``{at, effect?, code?, times?}``. Raises ActionRefused."""
        moment, effect = order.get("at"), order.get("effect", "close")
        code, times = order.get("code"), order.get("times", 1)
        if moment not in ("connect", "identify", "resume", "heartbeat"):
            raise ActionRefused("at: connect, identify, resume or heartbeat")
        if effect not in ("close", "invalid_session", "ignore"):
            raise ActionRefused("effect: close, invalid_session or ignore")
        if effect == "invalid_session" and moment not in ("identify", "resume"):
            raise ActionRefused("an invalid session answers an identify or a resume")
        if code is not None and (effect != "close" or code not in range(1000, 5000)):
            raise ActionRefused("code: from 1000 to 4999, of a close")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise ActionRefused("times is a positive number, or null for always")
        return cls(moment, effect, code, times)


class GatewayFaults:
    """The active faults. For each event, the oldest one that matches is used."""

    def __init__(self) -> None:
        self._faults: list[GatewayFault] = []

    def add_fault(self, fault: GatewayFault) -> None:
        self._faults.append(fault)

    def remove_all(self) -> None:
        self._faults.clear()

    def strike_connection(self) -> GatewayFault | None:
        """Return the fault for a new connection, if any."""
        return self._strike("connect")

    def strike_payload(self, opcode: int) -> GatewayFault | None:
        """Return the fault for a client's payload, if any."""
        moment = _MOMENT_BY_OPCODE.get(opcode)
        return None if moment is None else self._strike(moment)

    def _strike(self, moment: FaultMoment) -> GatewayFault | None:
        fault = next((fault for fault in self._faults if fault.moment == moment), None)
        if fault is not None and fault.times is not None:
            fault.times -= 1
            if fault.times == 0:
                self._faults.remove(fault)
        return fault
