"""Tests talk to this machine only."""

from __future__ import annotations

import socket

import pytest
from pytest_socket import SocketConnectBlockedError


def test_connecting_to_another_machine_is_refused() -> None:
    with socket.socket() as outward, pytest.raises((SocketConnectBlockedError, UserWarning)):
        outward.connect(("192.0.2.1", 9))
