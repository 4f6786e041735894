"""Slurm on this machine alone, with its own daemons, settings and key, for tests."""

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
_SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmUser={user}
SlurmdUser={user}
ReturnToService=2
SchedulerParameters=sched_interval=1
NodeName={host} NodeAddr=127.0.0.1 Port={node} CPUs=2 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def lacking():
    """Programs of Slurm that are not installed."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin"])
    return [name for name in PROGRAMS if shutil.which(name, path=path) is None]


def _free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextlib.contextmanager
def running(folder):
    """Start Slurm with one node of two CPUs; gives the environment in which its commands find it, or None."""
    for name in ("state", "spool"):
        (folder / name).mkdir()
    host = socket.gethostname().partition(".")[0]
    ports = {"controller": _free_port(), "node": _free_port()}
    settings = folder / "slurm.conf"
    settings.write_text(_SETTINGS.format(folder=folder, host=host, user=getpass.getuser(), **ports))
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    environment = {
        "SLURM_CONF": str(settings), "PATH": os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/sbin"]),
    }  # fmt: skip
    files = {
        name: f"--{name}={folder}/munge.{name}" for name in ("socket", "pid-file", "log-file", "seed-file")
    }
    commands = [
        ["munged", "--foreground", "--force", f"--key-file={key}", *files.values()],
        ["slurmctld", "-D", "-f", str(settings)],
        ["slurmd", "-D", "-f", str(settings), "-N", host],
    ]
    started = []
    try:
        for command in commands:
            with open(folder / f"{command[0]}.out", "wb") as log:
                everything = {**os.environ, **environment}
                started.append(subprocess.Popen(command, env=everything, stdout=log, stderr=log))
            time.sleep(1.0)
        yield environment if _ready(environment) else None
    finally:
        for process in reversed(started):
            process.send_signal(signal.SIGTERM)
        for process in started:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)
            process.kill()


def _ready(environment):
    """Whether a node waits for jobs, within half a minute."""
    for _ in range(60):
        command = ["sinfo", "--noheader", "--format=%T"]
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True)
        if done.stdout.strip() == "idle":
            return True
        time.sleep(0.5)
    return False
