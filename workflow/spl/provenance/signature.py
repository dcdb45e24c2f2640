"""Signatures of seals, made and checked by ``ssh-keygen``: who vouches for the results of a study."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spl.attempts.plain_file import check_plain, read_plain
from spl.code.fingerprint import PROJECT
from spl.errors import InputError
from spl.provenance.files import write_whole
from spl.text.printable import printable

SIGNATURE = ".sig"  # ending of a signature, after the name of what it signs
MOST = 2**16  # bytes of one, which ssh-keygen would read without end
SIGNERS = PROJECT / "config" / "allowed_signers"
NAMESPACE = "smooth-pseudo-labeling"


@dataclass(frozen=True)
class Signature:
    """What is known of a seal's signature, and the same in words.

    Attributes:
        state: "good"; "unknown" if no signer of the project made it; "wrong" if it is not of this seal, or no file;
            "unchecked" without ``ssh-keygen``; "unsigned".
        words: for a person.
    """

    state: Literal["good", "unknown", "wrong", "unchecked", "unsigned"]
    words: str


UNSIGNED = Signature("unsigned", "unsigned")


def sign(seal: Path, key: Path) -> None:
    """Sign a seal with a key of SSH; ``ssh-keygen`` asks for its passphrase.

    Raises:
        InputError: ``ssh-keygen`` is missing or refuses.
        OSError: there is no seal, or something else in its place.
    """
    done = _ssh_keygen("sign", read_plain(seal), "-f", str(key), "-n", NAMESPACE)
    if done is None:
        raise InputError("--sign: ssh-keygen is not installed")
    if done.returncode:
        raise InputError(f"--sign {key}: {_first_line(done.stderr)}")
    write_whole(seal.with_name(seal.name + SIGNATURE), done.stdout.decode())


def check_signature(seal: Path) -> Signature:
    """Check the signature beside a seal against the signers that the project lists, ``config/allowed_signers``."""
    signature = seal.with_name(seal.name + SIGNATURE)
    if not os.path.lexists(signature):
        return UNSIGNED
    if signature.is_symlink() or not signature.is_file():
        return Signature("wrong", f"wrong signature: {signature.name} is no file")
    try:
        check_plain(signature, MOST)
    except OSError:
        return Signature("wrong", f"wrong signature: {signature.name} has more than {MOST:,} bytes")
    try:
        content = read_plain(seal)
    except OSError:
        return Signature("wrong", f"wrong signature: {seal.name}, which it is beside, is no seal")
    signed = "-n", NAMESPACE, "-s", str(signature)
    valid = _ssh_keygen("check-novalidate", content, *signed)
    if valid is None:
        return Signature("unchecked", "signed, but not checked: ssh-keygen is not installed")
    if valid.returncode:
        return Signature("wrong", f"wrong signature: {signature.name} is not of this seal")
    if SIGNERS.is_file():
        found = _ssh_keygen("find-principals", content, "-s", str(signature), "-f", str(SIGNERS))
        for signer in _lines(found.stdout) if found else ():
            verified = _ssh_keygen("verify", content, "-f", str(SIGNERS), "-I", signer, *signed)
            if verified and not verified.returncode:
                return Signature("good", f"signed by {printable(signer)}")
    return Signature("unknown", f"signed by nobody in config/{SIGNERS.name}: {_first_line(valid.stdout)}")


def _ssh_keygen(action: str, content: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes] | None:
    """Run ``ssh-keygen -Y`` on what a seal holds; None if it is not installed."""
    try:
        return subprocess.run(["ssh-keygen", "-Y", action, *arguments], input=content, capture_output=True)
    except FileNotFoundError:
        return None


def _lines(output: bytes) -> list[str]:
    return output.decode(errors="replace").splitlines()


def _first_line(output: bytes) -> str:
    return printable(next(iter(_lines(output)), "ssh-keygen failed"))
