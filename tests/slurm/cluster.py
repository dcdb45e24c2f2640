"""A real SLURM on this machine, without systemd: munged, slurmctld and slurmd; with accounting MariaDB and slurmdbd.

python tests/slurm/cluster.py start [--accounting]
python tests/slurm/cluster.py stop

It needs root and Debian's packages. Everything lies below one folder but for three links in /etc/slurm: a SLURM_CONF in
the environment would not reach Snakemake's jobs, which start their steps without it. Partitions share one node of two
GPUs of different types, which are device nodes with nothing behind them, in six shards each: `gpu`, `urgent`, which
preempts it, `all`, whose name is also Python's, and `short`, whose jobs last a minute at most.
"""

import argparse
import os
import platform
import shutil
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path("/tmp/spl-slurm")
ETC = Path("/etc/slurm")
NAME = platform.node().partition(".")[0]
PACKAGES = {"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "squeue": "slurm-client"}
ACCOUNTING_PACKAGES = {"mariadbd": "mariadb-server", "slurmdbd": "slurmdbd"}
STOPPED_IN_ORDER = ("slurmctld", "slurmd", "slurmdbd", "mariadbd", "munged")
FOLDERS = ("etc", "dev", "munge", "state", "spool", "log", "pid")

SLURM = """
ClusterName=spl
SlurmctldHost={name}(127.0.0.1)
SlurmUser=root
AuthInfo=socket={root}/munge/socket,cred_expire=10
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool
SlurmctldLogFile={root}/log/slurmctld
SlurmdLogFile={root}/log/slurmd
SlurmctldPidFile={root}/pid/own-slurmctld
SlurmdPidFile={root}/pid/own-slurmd
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=5
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
DefMemPerCPU=1000
SlurmdParameters=config_overrides
SchedulerParameters=sched_interval=2,bf_interval=5,batch_sched_delay=0,sched_min_interval=100000
KillWait=10
MinJobAge=600
ReturnToService=2
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu,shard
NodeName={name} NodeAddr=127.0.0.1 CPUs=4 CoresPerSocket=4 RealMemory=64000 \\
  Gres=gpu:4090:1,gpu:rtx-3090:1,shard:12 State=UNKNOWN
PartitionName=gpu Nodes={name} Default=YES MaxTime=INFINITE PriorityTier=1 GraceTime=5
PartitionName=urgent Nodes={name} MaxTime=INFINITE PriorityTier=10
PartitionName=all Nodes={name} MaxTime=INFINITE PriorityTier=1
PartitionName=short Nodes={name} MaxTime=1 PriorityTier=1
"""

SLURM_ACCOUNTING = """
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePass={root}/munge/socket
AccountingStorageTRES=gres/gpu
AccountingStorageEnforce=limits
"""

GRES = """
AutoDetect=off
Name=gpu Type=4090 File={root}/dev/nvidia0 Flags=nvidia_gpu_env
Name=gpu Type=rtx-3090 File={root}/dev/nvidia1 Flags=nvidia_gpu_env
Name=shard Count=12
"""

SLURMDBD = """
AuthType=auth/munge
AuthInfo=socket={root}/munge/socket
DbdHost=localhost
SlurmUser=root
StorageType=accounting_storage/mysql
StorageUser=root
LogFile={root}/log/slurmdbd
PidFile={root}/pid/own-slurmdbd
"""


class ClusterError(Exception):
    """What keeps SLURM from running here, in one line."""


def obstacle(accounting=False):
    """Why no SLURM can be started here, or None."""
    if os.geteuid() != 0:
        return "starting SLURM needs root"
    needed = PACKAGES | (ACCOUNTING_PACKAGES if accounting else {})
    missing = [package for program, package in needed.items() if not shutil.which(program)]
    return f"SLURM is not installed: apt-get install {' '.join(missing)}" if missing else None


def start(accounting=False):
    """Start the daemons, one after another as each answers; nothing of an earlier start is kept.

    Raises:
        ClusterError: SLURM cannot be started here, runs already, or a daemon does not answer.
    """
    if reason := obstacle(accounting):
        raise ClusterError(reason)
    if foreign := [str(link) for link in _links() if os.path.lexists(link) and not _is_ours(link)]:
        raise ClusterError(f"not touched, as another SLURM's: {', '.join(foreign)}")
    if running := [name for name in STOPPED_IN_ORDER if _process(name)]:
        raise ClusterError(f"already running: {', '.join(running)}; stop it first")
    shutil.rmtree(ROOT, ignore_errors=True)
    _configure(accounting)
    try:
        _start("munged", "--foreground", f"--socket={ROOT}/munge/socket", f"--key-file={ROOT}/munge/key",
               f"--pid-file={ROOT}/pid/own-munged", f"--log-file={ROOT}/log/munged", f"--seed-file={ROOT}/munge/seed",
               answers=["munge", "--no-input", f"--socket={ROOT}/munge/socket"])  # fmt: skip
        if accounting:
            _start_accounting()
        _start("slurmctld", "-D", answers=["scontrol", "ping"])
        _start("slurmd", "-D", answers=["srun", "--ntasks=1", "--immediate=5", "true"])
    except ClusterError:
        stop()
        raise


def stop():
    """End daemons, kill jobs and remove the links of this cluster; does nothing where there is none."""
    for name in STOPPED_IN_ORDER:
        if process := _process(name):
            _end(process)
    jobs = [process for step in _steps() for process in (step, *step.children(recursive=True))]
    for process in jobs:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(jobs, 10)
    for link in _links():
        if _is_ours(link):
            link.unlink()


def crash_node():
    """End slurmd and all jobs at once, as a power failure does; have the node declared down, and start slurmd again."""
    lost = [process for step in _steps() for process in (step, *step.children(recursive=True))]
    for process in filter(None, [_process("slurmd"), *lost]):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(lost, 10)
    # What slurmctld finds out by itself after SlurmdTimeout, and at once from a node that was really started anew.
    _run(["scontrol", "update", f"NodeName={NAME}", "State=DOWN", "Reason=crashed"])
    _start_slurmd()
    _run(["scontrol", "update", f"NodeName={NAME}", "State=RESUME"])


def restart_slurmd():
    """End slurmd with kill -9, as an update of it may, and start it again; jobs go on."""
    slurmd = _process("slurmd")
    slurmd.kill()
    slurmd.wait(10)
    _start_slurmd()


def interrupt_slurmctld(seconds):
    """End slurmctld, and start it again some time later; meanwhile jobs go on, and SLURM's commands fail."""
    _end(_process("slurmctld"))
    time.sleep(seconds)
    _start("slurmctld", "-D", answers=["scontrol", "ping"])


def _start_slurmd():
    _start("slurmd", "-D", answers=["scontrol", "show", "slurmd"])


def _configure(accounting):
    for folder in FOLDERS:
        (ROOT / folder).mkdir(parents=True, mode=0o755)
    key = ROOT / "munge/key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    for gpu in range(2):
        os.mknod(ROOT / f"dev/nvidia{gpu}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    texts = {"slurm": SLURM + SLURM_ACCOUNTING * accounting, "gres": GRES, "slurmdbd": SLURMDBD}
    for link in _links():
        file = ROOT / "etc" / link.name
        file.touch(mode=0o600 if link.stem == "slurmdbd" else 0o644)
        file.write_text(texts[link.stem].format(root=ROOT, name=NAME).lstrip())
        link.unlink(missing_ok=True)
        link.symlink_to(file)


def _start_accounting():
    data, socket = ROOT / "mariadb", f"{ROOT}/mariadb.socket"
    made = _run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--user=root", "--skip-test-db",
         "--auth-root-authentication-method=socket"]
    )  # fmt: skip
    if made.returncode:
        raise ClusterError(f"mariadb-install-db: {_last_line(made.stderr)}")
    _start("mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking", "--user=root",
           f"--pid-file={ROOT}/pid/own-mariadbd", answers=["mariadb-admin", f"--socket={socket}", "ping"])  # fmt: skip
    _start("slurmdbd", "-D", answers=["sacctmgr", "--noheader", "list", "cluster"], MYSQL_UNIX_PORT=socket)
    _run(["sacctmgr", "--immediate", "add", "cluster", "spl"])


def _start(name, *options, answers, **environment):
    """Start a daemon and wait until a command that asks it something succeeds."""
    log = ROOT / f"log/{name}.start"
    with log.open("w") as output:
        daemon = subprocess.Popen(
            [shutil.which(name), *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            cwd=ROOT, env=os.environ | environment, start_new_session=True,
        )  # fmt: skip
    (ROOT / f"pid/{name}").write_text(str(daemon.pid))
    end = time.monotonic() + 120
    while _run(answers).returncode:
        if daemon.poll() is not None or time.monotonic() > end:
            raise ClusterError(f"{name} does not answer: {_last_line(log.read_text()) or f'see {ROOT}/log'}")
        time.sleep(0.1)


def _process(name):
    """The running daemon of this name that was started here; its number may have gone to another program since."""
    try:
        process = psutil.Process(int((ROOT / f"pid/{name}").read_text()))
        alive = process.name() == name and _is_here(process)
    except (OSError, ValueError, psutil.Error):
        return None
    return process if alive else None


def _steps():
    """The processes that watch over the jobs of this cluster."""
    return [one for one in psutil.process_iter(["name"]) if one.info["name"] == "slurmstepd" and _is_here(one)]


def _is_here(process):
    with suppress(psutil.Error):  # it has just ended
        return Path(process.cwd()).is_relative_to(ROOT)
    return False


def _end(process):
    with suppress(psutil.NoSuchProcess):
        process.terminate()
        try:
            process.wait(10)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(10)


def _links():
    return [ETC / f"{name}.conf" for name in ("slurm", "gres", "slurmdbd")]


def _is_ours(link):
    return link.is_symlink() and link.readlink() == ROOT / "etc" / link.name


def _run(command):
    return subprocess.run(command, capture_output=True, text=True)


def _last_line(text):
    return text.strip().rpartition("\n")[2]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("action", choices=["start", "stop"])
    arguments.add_argument("--accounting", action="store_true", help="start slurmdbd too, for sacct")
    given = arguments.parse_args()
    try:
        start(given.accounting) if given.action == "start" else stop()
    except ClusterError as error:
        sys.exit(f"cluster.py: {error}")
