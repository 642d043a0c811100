"""`tidemark kind`: what is missing is said with what to do, commands come in order, no secret among their words."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tidemark.errors import SettingsError
from tidemark_cli.kind import command, credentials, execute, plan
from tidemark_cli.kind.checks import MEMORY_GIB, problems
from tidemark_cli.kind.execute import Answer

ROOT = Path(__file__).parents[3]
POSIX = ("fcntl", "pwd", "grp", "termios", "resource")
SYSTEMS = ("windows", "darwin", "linux")
EXAMPLE = (ROOT / "kind" / "secrets.example.toml").read_text()
SECRET = "h3ut3-g3h31m"
FILLED = (
    EXAMPLE.replace('access_key_id = ""', f'access_key_id = "{SECRET}"', 1)
    .replace('secret_access_key = ""', f'secret_access_key = "{SECRET}"')
    .replace("private_key_file = '~/.snowflake/rsa_key.p8'", f'password = "{SECRET}"')
    .replace('"any"', f'"{SECRET}"')
)


class Machine:
    """A machine on which every tool is there and answers as asked; `wrong` answers instead."""

    def __init__(self, memory_gib: float = 8.0, wrong: dict[str, Answer] | None = None) -> None:
        info = {"ServerVersion": "28.2.2", "OSType": "linux", "MemTotal": int(memory_gib * 2**30)}
        self.answers = {
            "docker --version": Answer(0, "Docker version 28.2.2, build e6534b4"),
            "docker info": Answer(0, json.dumps(info)),
            "kind version": Answer(0, "kind v0.30.0 go1.24.6 windows/amd64"),
            "kubectl version": Answer(0, "Client Version: v1.34.1\nKustomize Version: v5.7.1"),
            "helm version": Answer(0, "v3.19.0+g3d8990f"),
        } | (wrong or {})

    def ask(self, words: Sequence[str]) -> Answer:
        return self.answers[" ".join(words[:2])]


def _known(tmp_path: Path, text: str = FILLED) -> credentials.Credentials:
    file = tmp_path / "secrets.toml"
    file.write_text(text)
    return credentials.read(file)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_machine_with_everything_has_no_problem(system: str) -> None:
    """Docker runs with enough memory, the tools are new enough."""
    assert problems(Machine().ask, system) == []


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("tool", ["docker --version", "kind version", "kubectl version", "helm version"])
def test_a_missing_tool_is_named_with_its_installation(tool: str, system: str) -> None:
    """One sentence for it, whatever else is right."""
    name = tool.split()[0]
    found = problems(Machine(wrong={tool: Answer(127, "")}).ask, system)
    assert [problem.partition(":")[0] for problem in found] == [f"{name} is not installed"]
    assert "install" in found[0].partition(":")[2] or "https://" in found[0]


def test_all_that_is_missing_is_said_at_once() -> None:
    """Nobody has to run it once for each."""
    wrong = {name: Answer(127, "") for name in ("kind version", "kubectl version", "helm version")}
    wrong["docker info"] = Answer(1, "Cannot connect to the Docker daemon")
    found = problems(Machine(wrong=wrong).ask, "linux")
    assert [problem.split()[0] for problem in found] == ["kind", "kubectl", "helm", "Docker"]


@pytest.mark.parametrize(
    ("system", "do"), [("windows", "Docker Desktop"), ("darwin", "Docker Desktop"), ("linux", "systemctl")]
)
def test_docker_that_does_not_run(system: str, do: str) -> None:
    """Each system's own way to start it. `docker info` may end with 0 and tell of the client alone."""
    for answer in (Answer(1, "Cannot connect to the Docker daemon"), Answer(0, '{"ServerErrors":["no daemon"]}')):
        found = problems(Machine(wrong={"docker info": answer}).ask, system)
        assert len(found) == 1
        assert found[0].startswith("Docker does not run: ")
        assert do in found[0]


@pytest.mark.parametrize("system", SYSTEMS)
def test_too_little_memory(system: str) -> None:
    """How much there is, how much is needed, where it is given."""
    found = problems(Machine(memory_gib=3.8).ask, system)
    assert len(found) == 1
    assert found[0].startswith(f"Docker has 3.8 GiB of memory, {MEMORY_GIB} are needed: ")
    assert (".wslconfig" in found[0]) == (system != "darwin")


def test_windows_containers_are_refused() -> None:
    """Docker Desktop can run either; a cluster needs Linux."""
    info = Answer(0, json.dumps({"ServerVersion": "28", "OSType": "windows", "MemTotal": 2**34}))
    assert "Switch to Linux containers" in problems(Machine(wrong={"docker info": info}).ask, "windows")[0]


def test_an_old_tool_is_told_with_both_versions() -> None:
    """And a version that cannot be read is not taken for a new one."""
    old = problems(Machine(wrong={"helm version": Answer(0, "v3.9.4+gdbc6d8e")}).ask, "linux")
    assert old[0].startswith("helm 3.9.4 is too old, 3.14 is needed: ")
    odd = problems(Machine(wrong={"helm version": Answer(0, "hello")}).ask, "linux")
    assert odd[0].startswith("helm does not tell its version")


def test_up_in_order(tmp_path: Path) -> None:
    """The cluster, the images, the operator, the Secrets, the release, and waiting; a cluster that is there is kept."""
    steps = plan.up(ROOT, _known(tmp_path), exists=False)
    whys = [step.why for step in steps]
    assert whys == [
        "make the cluster",
        *(f"build {part}" for part in plan.PARTS),
        "bring the images into the cluster",
        "make the namespaces, restricted",
        "install the Spark Operator",
        "make the Secrets",
        "install tidemark",
        "wait until every stage has its partitions",
    ]
    assert [step.why for step in plan.up(ROOT, _known(tmp_path), exists=True)] == whys[1:]


def test_no_secret_among_the_words(tmp_path: Path) -> None:
    """Secrets reach kubectl by its standard input; the chart's values hold none."""
    known = _known(tmp_path)
    steps = plan.up(ROOT, known, exists=False)
    assert SECRET not in "".join(word for step in steps for word in (*step.command, step.about, step.why))
    assert SECRET not in credentials.values(known)
    holding = [step.why for step in steps if step.given and SECRET in step.given]
    assert holding == ["make the Secrets"]


def test_every_file_that_a_command_names_is_there(tmp_path: Path) -> None:
    """Of the checkout; each argument that is a path is one word, with whatever spaces it holds."""
    words = [word for step in plan.up(ROOT, _known(tmp_path), exists=False) for word in step.command]
    paths = [Path(word) for word in words if word.startswith(str(ROOT))]
    assert len(paths) >= len(plan.PARTS)
    assert [path for path in paths if not path.exists()] == []


def test_every_command_names_its_cluster(tmp_path: Path) -> None:
    """kubectl and helm never speak to whatever cluster a person used last."""
    steps = [*plan.up(ROOT, _known(tmp_path), exists=True), *plan.restart(), *plan.status()]
    for words in [*(step.command for step in steps), *(words for _, words in plan.forwards())]:
        if words[0] in ("kubectl", "helm"):
            assert f"kind-{plan.CLUSTER}" in words


def test_forwarded_ports_listen_on_this_machine_alone() -> None:
    """127.0.0.1, each port once."""
    words = [words for _, words in plan.forwards()]
    assert all(command[command.index("--address") + 1] == "127.0.0.1" for command in words)
    assert len({command[-1] for command in words}) == len(words)


def test_commands_are_shown_as_each_shell_takes_them() -> None:
    r"""A path with a space is quoted; a Windows path keeps its backslashes."""
    assert execute.shown(("helm", r"C:\My Files\tidemark"), "nt") == r'helm "C:\My Files\tidemark"'
    assert execute.shown(("helm", "/My Files/tidemark"), "posix") == "helm '/My Files/tidemark'"


def test_words_reach_a_program_as_they_are(tmp_path: Path) -> None:
    """No shell looks at them: spaces, quotes, dollars, percents, stars and semicolons are plain text."""
    words = ("a b", '"', "$HOME", "%PATH%", "*", "; exit 1", "{{json .}}")
    said = execute.ask((sys.executable, "-c", "import json, sys; print(json.dumps(sys.argv[1:]))", *words))
    assert json.loads(said.output) == list(words)


def test_a_program_that_is_missing() -> None:
    """Is an answer where one asks, and an error where one does."""
    assert execute.ask(("no-such-program",)).code == 127
    with pytest.raises(execute.CommandFailedError, match="no-such-program is not installed"):
        execute.do(("no-such-program",))


def test_a_command_that_fails_says_which() -> None:
    """With its exit code, and without its standard input."""
    with pytest.raises(execute.CommandFailedError, match="exit code 3") as failed:
        execute.do((sys.executable, "-c", "raise SystemExit(3)"), SECRET)
    assert SECRET not in str(failed.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[lake]\nwarehouse = 1", "Expected `str`"),
        (EXAMPLE, "[lake] access_key_id, secret_access_key is empty"),
        (FILLED + 'passwort = "x"', "unknown field `passwort`"),
        (FILLED.replace(f'password = "{SECRET}"', "", 1), "needs one of private_key_file and password"),
        ('[snowflake]\nprivate_key_file = "C:\\Users\\me\\key.p8"', "a Windows path stands in single quotes"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    """With the reason, and without a value."""
    with pytest.raises(SettingsError) as wrong:
        _known(tmp_path, text)
    assert says in str(wrong.value)
    assert SECRET not in str(wrong.value)


def test_a_missing_file_says_what_to_copy(tmp_path: Path) -> None:
    """The example beside it."""
    with pytest.raises(SettingsError, match=r"copy secrets\.example\.toml"):
        credentials.read(tmp_path / "secrets.toml")


def test_a_key_file_becomes_a_secret(tmp_path: Path) -> None:
    """Its text under the name that the chart mounts; the chart is told to use it."""
    key = tmp_path / "my key.p8"
    key.write_text(f"-----BEGIN {SECRET}-----\n")
    known = _known(tmp_path, FILLED.replace(f'password = "{SECRET}"', f"private_key_file = '{key}'", 1))
    made = {s["metadata"]["name"]: s["stringData"] for s in json.loads(credentials.secrets(known))["items"]}
    assert made["tidemark-snowflake"] == {"private-key.p8": key.read_text()}
    assert json.loads(credentials.values(known))["snowflake"]["auth"] == "key"


def test_the_consoles_token_is_a_choice(tmp_path: Path) -> None:
    """With one the chart is told of its Secret; without, people only look."""
    token = f"{SECRET}-of-sixteen"
    known = _known(tmp_path, f'{FILLED}\n[console]\ntoken = "{token}"\n')
    made = {s["metadata"]["name"]: s["stringData"] for s in json.loads(credentials.secrets(known))["items"]}
    assert made["tidemark-console"] == {"token": token}
    assert json.loads(credentials.values(known))["console"]["secret"] == "tidemark-console"
    assert token not in credentials.values(known)
    assert json.loads(credentials.values(_known(tmp_path)))["console"]["secret"] == ""


def test_git_ignores_the_file() -> None:
    """And the image's context holds no secret."""
    assert "kind/secrets.toml" in (ROOT / ".gitignore").read_text().splitlines()
    assert "!kind" not in (ROOT / ".dockerignore").read_text()


def test_a_checkout_on_windows_keeps_its_line_ends() -> None:
    """What goes into images, manifests and containers has no carriage returns, whatever git is set to."""
    kept = {line.split()[0] for line in (ROOT / ".gitattributes").read_text().splitlines() if line.endswith("eol=lf")}
    assert {"helm/**", "images/**", "kind/**"} <= kept


def test_without_docker_up_says_so_and_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 and all that is missing."""
    monkeypatch.setattr(execute, "ask", lambda words: Answer(127, ""))
    monkeypatch.setattr(execute, "do", lambda *_: pytest.fail("ran a command"))
    said = CliRunner().invoke(command.app, ["up"])
    assert (said.exit_code, said.output.count(" is not installed")) == (2, 4)


def test_a_dry_run_prints_the_commands_and_runs_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, numbered, on a machine without any of the tools too."""
    (tmp_path / "kind").mkdir()
    (tmp_path / "kind" / "cluster.yaml").touch()
    (tmp_path / "kind" / "secrets.toml").write_text(FILLED)
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(execute, "ask", lambda words: Answer(127, ""))
    monkeypatch.setattr(execute, "do", lambda *_: pytest.fail("ran a command"))
    said = CliRunner().invoke(command.app, ["up", "--dry-run"])
    assert said.exit_code == 0
    places = [
        said.output.index(text)
        for text in ("kind create", "docker build", "kind load", "--repo", "--values -", "rollout")
    ]
    assert places == sorted(places)
    assert SECRET not in said.output


def test_the_command_line_starts_without_a_posix_system() -> None:
    """Windows lacks these modules, and the lab does not run there."""
    program = f"""
import importlib.abc, importlib.util, sys
class Hide(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in {POSIX!r}:
            raise ModuleNotFoundError(name)
for name in {POSIX!r}:
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Hide())
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "tidemark_lab" else found(name, *more)
import tidemark_cli.main
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
