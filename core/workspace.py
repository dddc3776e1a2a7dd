"""Where the runs of one estate keep what they need on disk: keys, secrets, journal, store, evidence, reports."""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


def trust_checkout() -> tuple[str, str]:
    """Return what git is told of the checkout that this code runs from: it is trusted, whoever cloned it.

    Root may have, and a user runs it. Of any other checkout git goes on asking who owns it.
    """
    return ("-c", f"safe.directory={REPOSITORY}")


def is_clone() -> bool:
    """Whether this runs from a clone of the repository; an installed Rackproof has no launcher beside it."""
    return (REPOSITORY / "rackproof").is_file()


def name_command(text: str) -> str:
    """Return a text that names our command as it is called here: ``./rackproof`` is the launcher of a clone."""
    if is_clone():
        return text
    return text.replace("./rackproof", "rackproof")


def state_dir() -> Path:
    """Return the folder for everything that is not source: environment, caches, labs, workspaces.

    ``RACKPROOF_STATE``; else ``.rackproof`` in a clone, and a folder of one's own where Rackproof is installed.
    """
    chosen = os.environ.get("RACKPROOF_STATE")
    if chosen:
        return Path(chosen)
    if is_clone():
        return REPOSITORY / ".rackproof"
    return user_state_dir()


def user_state_dir() -> Path:
    """Return the folder of this account for what an installed Rackproof keeps, as the XDG specification has it.

    Below ``XDG_STATE_HOME`` when that is absolute, else ``~/.local/state``. An account without a home has none: the
    path is one that nobody can make, and whatever is written there is refused with its place.
    """
    base = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = _find_home() / ".local" / "state"
    return base / "rackproof"


def _find_home() -> Path:
    try:
        return Path(os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir).absolute()
    except KeyError:  # an account that only has a number, as in a container
        return Path("/nonexistent")


def lab_instance() -> str:
    """Return the name of the lab instance this process works with (``RACKPROOF_LAB``, default ``lab``)."""
    return os.environ.get("RACKPROOF_LAB", "lab")


def lab_run_dir(instance: str | None = None) -> Path:
    """Return the run folder of a lab instance; it exists only while that lab is up."""
    return state_dir() / "labs" / (instance or lab_instance())


@dataclass(frozen=True, slots=True)
class Workspace:
    """The files that belong to one estate's runs. Nothing here is in version control."""

    root: Path
    estate_dir: Path
    is_lab: bool = False

    @property
    def ssh_config(self) -> Path:
        """OpenSSH client configuration with one alias per host and a shared ControlPath."""
        return self.root / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """Pinned host keys; connections to any other key are refused."""
        return self.root / "known_hosts"

    @property
    def ssh_key(self) -> Path:
        """Private key of the operations account on hosts."""
        return self.root / "keys" / "ops_ed25519"

    @property
    def netops_key(self) -> Path:
        """Private key of the account that configures routers."""
        return self.root / "keys" / "netops_ed25519"

    @property
    def netguard_key(self) -> Path:
        """Private key of the account that arms and disarms a router's own rollback."""
        return self.root / "keys" / "netguard_ed25519"

    @property
    def signing_key(self) -> Path:
        """Ed25519 private key (PEM) that signs the journal, attestations and evidence manifests."""
        return self.root / "keys" / "signing.pem"

    @property
    def secrets_file(self) -> Path:
        """YAML of secrets, encrypted in Ansible Vault format."""
        return self.root / "secrets.yml"

    @property
    def vault_password_file(self) -> Path:
        """Password of the secrets file, mode 0600."""
        return self.root / "vault-password"

    @property
    def journal(self) -> Path:
        """Append-only signed journal of changes."""
        return self.root / "journal.jsonl"

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store of verdicts; ``RACKPROOF_STORE`` overrides the embedded SQLite file."""
        return os.environ.get("RACKPROOF_STORE", f"sqlite:///{self.root / 'store.sqlite'}")

    @property
    def evidence_dir(self) -> Path:
        """Folder of evidence bundles, one sub-folder per run."""
        return self.root / "evidence"

    @property
    def reports_dir(self) -> Path:
        """Folder of rendered reports, one sub-folder per run."""
        return self.root / "reports"

    @property
    def attestations_dir(self) -> Path:
        """Folder of signed attestations, one file each."""
        return self.root / "attestations"


def current() -> Workspace:
    """Return the workspace of this process.

    ``RACKPROOF_WORKSPACE`` wins; else the workspace of the running lab; else ``workspace`` in the state folder, with
    the reference estate. ``RACKPROOF_ESTATE`` overrides which estate is loaded in the first and last case.
    """
    chosen = os.environ.get("RACKPROOF_WORKSPACE")
    estate = os.environ.get("RACKPROOF_ESTATE")
    lab_root = lab_run_dir() / "workspace"
    lab_estate = REPOSITORY / "lab" / "estate"
    own_estate = REPOSITORY / "inventory" / "estate"
    if chosen:
        root = Path(chosen)
        is_lab = root.resolve() == lab_root.resolve()
        default = lab_estate if is_lab else own_estate
        folder = Path(estate) if estate else default
        return Workspace(root, folder, is_lab)
    if lab_root.is_dir() and (estate is None or Path(estate).resolve() == lab_estate):
        return Workspace(lab_root, lab_estate, True)
    folder = Path(estate) if estate else own_estate
    return Workspace(state_dir() / "workspace", folder)
