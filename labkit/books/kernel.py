"""The kernel that runs notebooks for a command: this interpreter, with this labkit."""

import os
from pathlib import Path

import ipykernel.kernelspec
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

import labkit


class ThisInterpreter(KernelSpecManager):
    """Every kernel name means the interpreter that runs now, whatever is installed on the machine."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            resource_dir=ipykernel.kernelspec.RESOURCES, **ipykernel.kernelspec.get_kernel_dict()
        )


class ThisKernel(AsyncKernelManager):
    """A kernel manager that looks nowhere else."""

    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return ThisInterpreter()


def environment() -> dict[str, str]:
    """The environment for notebooks under test: strict checks, and the labkit that runs now comes first."""
    here = str(Path(labkit.__file__).resolve().parent.parent)
    others = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([here, others]) if others else here
    return {**os.environ, "LABKIT_STRICT": "1", "PYTHONPATH": path}
