"""The words of the report: every status, document, group and state has one."""

from __future__ import annotations

from checks.model import Status
from checks.report.translations import DOCUMENTS, GROUPS, STATE, STATUS
from checks.verify.verification import VerificationState


def test_every_status_document_group_and_state_is_known() -> None:
    assert set(STATUS) == set(Status)
    assert set(STATE) == {state.value for state in VerificationState if state is not VerificationState.BROKEN}
    assert set(GROUPS) == {f"1.{number}" for number in range(1, 10)}
    assert set(DOCUMENTS) == {"QH", "KH08", "CT", "HP"}
