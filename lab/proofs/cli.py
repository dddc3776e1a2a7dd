"""`rackproof prove`: long proofs, run before a release."""

from __future__ import annotations

import dataclasses
from enum import StrEnum
from typing import Annotated, Any

import typer

from core.console import emit_json, out, print_table, progress
from core.errors import ExitCode, RackproofError
from core.files import require_clone
from core.i18n import _
from lab.enter import require_root
from lab.proofs import long_tests, machine, mutants, mutation, newcomer, pythons

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Long proofs, run before a release.")


class Only(StrEnum):
    """Which of the README's commands to run alone."""

    DEMO = "demo"
    TEST = "test"


@app.command("newcomer")
def prove_newcomer(
    only: Annotated[Only | None, typer.Option("--only", help="Run this one of the two commands alone.")] = None,
    is_fast: Annotated[bool, typer.Option("--fast", help="Run the tests that need no lab (`test --fast`).")] = False,
    release: Annotated[str, typer.Option("--release", help="The Debian release of the machine.")] = "bookworm",
    without_terminal: Annotated[
        bool, typer.Option("--no-terminal", help="Run without a terminal, as a scheduler would.")
    ] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the machine's root file system and say where.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run the README's two commands, as written there, on a machine of Debian's that has nothing yet. Needs root.

    The machine is made for it: a root file system of Debian's packages with git and python3 and nothing else, its own
    processes, mounts and control groups; the network is this machine's. The commit that is checked out is cloned into
    it. Takes up to 50 minutes; exit code 1 when a command failed, pytest counted a failure, or Python is not Debian's.

    Example: rackproof prove newcomer --only demo
    """
    require_clone()
    if is_fast and only is Only.DEMO:
        raise RackproofError("PRF005")
    require_root("make a machine")
    terminal = None if without_terminal else machine.TerminalSize(80, 24)
    wanted = newcomer.Wanted(release, tuple(newcomer.split_verbs(only)), is_fast, terminal)
    with progress(_("proving what a newcomer is promised")) as step:
        proof = newcomer.prove_newcomer(wanted, step, keep=keep)
    if as_json:
        emit_json(dataclasses.asdict(proof) | {"is_good": proof.is_good})
    else:
        show_newcomer(proof)
    if not proof.is_good:
        raise typer.Exit(ExitCode.NOT_GREEN)


@app.command("pythons")
def prove_pythons(
    python: Annotated[
        list[str] | None, typer.Option("--python", help="An interpreter to prove on (default: every supported one).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run the tests that need no lab in a fresh clone with each supported Python; one that is not found is not proved.

    Looks on PATH and among pyenv's versions. Takes five minutes for each; exit code 1 unless all were found and passed.

    Example: rackproof prove pythons --python python3.13
    """
    require_clone()
    with progress(_("proving the Pythons")) as step:
        proofs = pythons.prove_pythons(tuple(python or ()), step)
    is_good = all(proof.is_good for proof in proofs)
    if as_json:
        emit_json({"pythons": [dataclasses.asdict(proof) for proof in proofs], "is_good": is_good})
    else:
        show_pythons(proofs)
    if not is_good:
        raise typer.Exit(ExitCode.NOT_GREEN)


@app.command("long")
def prove_long(
    names: Annotated[list[str] | None, typer.Argument(help="Names of proofs (default: all of them).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Run the tests that take minutes each, which `rackproof test` leaves out. Needs root.

    The proofs are listed in `tests/long.yml`, with the slice of each that every run of the tests holds. Takes up to an
    hour; exit code 1 unless the tests of all of them passed.

    Example: rackproof prove long netbox
    """
    require_clone()
    with progress(_("proving what takes long")) as step:
        proofs = long_tests.prove_long(tuple(names or ()), step)
    is_good = all(proof.is_good for proof in proofs)
    if as_json:
        emit_json({"proofs": [dataclasses.asdict(proof) for proof in proofs], "is_good": is_good})
    else:
        show_long(proofs)
    if not is_good:
        raise typer.Exit(ExitCode.NOT_GREEN)


@app.command("mutants")
def prove_mutants(
    only: Annotated[
        list[str] | None, typer.Option("--only", help="The name of a mutant to try (default: all of them).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Break every listed guard on purpose, one at a time, and see that its tests go red.

    The breaks are listed in `tests/mutants.yml` and applied in a clone of the commit that is checked out, never in the
    working tree. Takes a quarter of an hour; exit code 1 when a break survived its tests or could not be tried.

    Example: rackproof prove mutants --only clock-at-stratum-16
    """
    with progress(_("proving the guards")) as step:
        proofs = mutants.prove_mutants(tuple(only or ()), step)
    is_good = all(proof.state is mutants.MutantState.KILLED for proof in proofs)
    if as_json:
        emit_json({"mutants": [dataclasses.asdict(proof) for proof in proofs], "is_good": is_good})
    else:
        show_mutants(proofs)
    if not is_good:
        raise typer.Exit(ExitCode.NOT_GREEN)


@app.command("mutation")
def prove_mutation(
    only: Annotated[
        list[str] | None, typer.Option("--only", help="The name of a target to mutate (default: all of them).")
    ] = None,
    sample: Annotated[
        int | None, typer.Option("--sample", min=1, help="Try so many mutants of each target, not all of them.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", min=1, help="Clones to try mutants in at a time (default: one per processor)."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Break the code that decides wherever it can be broken, and count how many breaks its tests notice.

    The targets are listed in `tests/mutation.yml`, and mutated in clones of the commit that is checked out, never in
    the working tree. Takes about an hour; exit code 1 when too few mutants of a target were killed, or when those that
    survived are not exactly those of `tests/mutation_survivors.yml`.

    Example: rackproof prove mutation --only usm
    """
    require_clone()
    with progress(_("mutating what decides")) as step:
        proofs = mutation.prove_mutation(tuple(only or ()), step, jobs=jobs, sample=sample)
    is_good = all(proof.is_good for proof in proofs)
    if as_json:
        emit_json({"targets": [dataclasses.asdict(proof) for proof in proofs], "is_good": is_good})
    else:
        show_mutation(proofs)
    if not is_good:
        raise typer.Exit(ExitCode.NOT_GREEN)


def show_mutation(proofs: list[mutation.TargetProof]) -> None:
    """Print how many mutants of each target were killed, for people; and those that were not, each with its reason."""
    rows = []
    for proof in proofs:
        colour = "green" if proof.is_good else "red"
        percent = f"[{colour}]{proof.kill_percent} %[/]"
        counts = [proof.mutants, proof.killed, proof.timed_out, len(proof.survivors)]
        rows.append([proof.name, *map(str, counts), percent])
    heads = [_("mutation target"), _("mutants"), _("killed"), _("hung, and so killed"), _("not killed"), _("rate")]
    print_table(heads, rows)

    for proof in proofs:
        for trial in proof.survivors:
            show_survivor(trial)
        for known in proof.stale:
            place = f"{known.file} {known.where}".strip()
            text = _("stale: {place} is killed, or is not there any more").format(place=place)
            out.print(f"{text}\n{prefix_lines(known.before, known.after)}", markup=False)


def show_survivor(trial: mutation.MutantTrial) -> None:
    """Print one mutant that was not killed: where it stands, what differs, and why it may survive."""
    texts = {
        mutation.State.SURVIVED: _("no test noticed it"),
        mutation.State.UNREACHED: _("no test reaches it"),
        mutation.State.BROKEN: _("its tests could not be run"),
    }
    place = f"{trial.file}:{trial.line} {trial.where}".strip()
    reason = trial.reason or _("not in the list of survivors")
    out.print(f"{place}: {texts[trial.state]} ({reason})", markup=False)
    out.print(prefix_lines(trial.before, trial.after), markup=False)
    if trial.output:
        out.print(trial.output, markup=False)


def prefix_lines(before: str, after: str) -> str:
    """Return what differs as a diff shows it."""
    gone = [f"  - {line}" for line in before.splitlines()]
    come = [f"  + {line}" for line in after.splitlines()]
    return "\n".join([*gone, *come])


def show_mutants(proofs: list[mutants.MutantProof]) -> None:
    """Print what came of each broken guard, for people; and what pytest said of those that are not good."""
    texts = {
        mutants.MutantState.KILLED: _("noticed"),
        mutants.MutantState.SURVIVED: _("no test noticed it"),
        mutants.MutantState.NOT_FOUND: _("the text to break is not there exactly once"),
        mutants.MutantState.NOT_TESTED: _("its tests could not be run"),
    }
    rows = []
    for proof in proofs:
        colour = "green" if proof.state is mutants.MutantState.KILLED else "red"
        rows.append([proof.name, proof.file, f"[{colour}]{texts[proof.state]}[/]", f"{proof.seconds:.0f} s"])
    print_table([_("mutant"), _("file"), _("result"), _("time")], rows)

    for proof in proofs:
        if proof.output:
            out.print(f"{proof.name}:\n{proof.output}", markup=False)


def show_newcomer(proof: newcomer.Proof) -> None:
    """Print what was proved, for people."""
    rows = [_describe_command(command) for command in proof.commands]
    print_table([_("command"), _("result"), _("time"), _("pytest")], rows)
    for fault in proof.faults:
        out.print(f"[red]{fault}[/]")
    out.print(_("Debian {release}, its own Python {python}, commit {commit}").format(
        release=proof.release, python=proof.python or "?", commit=proof.commit[:12]
    ), markup=False)  # fmt: skip
    if proof.uncommitted:
        text = _("{n} changed files are not committed: they were not part of it").format(n=proof.uncommitted)
        out.print(text, markup=False)
    out.print(_("log: {file}").format(file=proof.log), markup=False)
    if proof.machine:
        out.print(_("machine: {folder}").format(folder=proof.machine), markup=False)


def show_long(proofs: list[long_tests.LongProof]) -> None:
    """Print what came of each long proof, for people, and where its log is."""
    rows = []
    for proof in proofs:
        colour = "green" if proof.is_good else "red"
        result = "; ".join(proof.faults) or _("kept its promise")
        rows.append([proof.name, f"[{colour}]{result}[/]", f"{proof.seconds:.0f} s", proof.closing])
    print_table([_("proof"), _("result"), _("time"), _("pytest")], rows)
    for proof in proofs:
        out.print(_("log: {file}").format(file=proof.log), markup=False)


def show_pythons(proofs: list[pythons.PythonProof]) -> None:
    """Print what each Python came to, for people."""
    rows = []
    for proof in proofs:
        colour = "green" if proof.is_good else "red"
        result = "; ".join(proof.faults) or _("kept its promise")
        rows.append([proof.wanted, proof.version or "–", f"[{colour}]{result}[/]", proof.closing])
    print_table([_("asked for"), "Python", _("result"), _("pytest")], rows)


def _describe_command(command: newcomer.CommandProof) -> list[Any]:
    colour = "red" if command.faults else "green"
    result = "; ".join(command.faults) or _("kept its promise")
    minutes, seconds = divmod(round(command.seconds), 60)
    return [command.line, f"[{colour}]{result}[/]", f"{minutes}:{seconds:02}", command.closing]
