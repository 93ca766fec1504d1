#!/usr/bin/env python3
"""Checks of configuration files that no engine is needed for, and that a schema cannot express.

    tools/checks.py compose compose.yaml
    tools/checks.py collector deploy/otel/collector.yaml
"""

import pathlib
import re
import sys

import yaml

# The image that is built here; what its containers are told is told to our binary.
OURS = "insights:local"
# What the binary understands, as its sources say.
CLI = pathlib.Path("services/insights/src/cli.rs")
SETTINGS = pathlib.Path("services/insights/src/settings.rs")
# Other variables that mean something to the binary or to what it is made of.
OTHER_VARIABLES = {"OTEL_EXPORTER_OTLP_ENDPOINT", "RUST_BACKTRACE"}


def compose(document, folder):
    """What a compose file refers to and does not have."""
    services = document["services"]
    for name, service in services.items():
        yield from dependencies(name, service, services)
        for kind in ("configs", "secrets"):
            for entry in service.get(kind, []):
                source = entry if isinstance(entry, str) else entry["source"]
                if source not in (document.get(kind) or {}):
                    yield f"{name}: the {kind[:-1]} {source} is not declared"
        for network in service.get("networks", []):
            if network not in (document.get("networks") or {}):
                yield f"{name}: the network {network} is not declared"
        yield from mounts(name, service, document, folder)
        yield from secret_files(name, service)
        if service.get("image") == OURS:
            yield from orders(name, service)
        image = service.get("image", "")
        if "build" not in service and ":" not in image.rpartition("/")[2]:
            yield f"{name}: the image {image} names no version"
        if "build" not in service and image.endswith(":latest"):
            yield f"{name}: the image {image} can be anything tomorrow"
    for kind in ("volumes", "secrets", "networks"):
        for name in document.get(kind) or {}:
            if not any(name in used(service, kind) for service in services.values()):
                yield f"the {kind[:-1]} {name} is used by nobody"


def dependencies(name, service, services):
    """Waits that would last for ever."""
    for other, wait in (service.get("depends_on") or {}).items():
        if other not in services:
            yield f"{name}: waits for {other}, which is not there"
        elif wait["condition"] == "service_healthy" and "healthcheck" not in services[other]:
            yield f"{name}: waits for {other} to be healthy, which has no healthcheck"
        elif wait["condition"] == "service_completed_successfully" and services[other].get("restart") not in ("no", "on-failure", None):
            yield f"{name}: waits for {other} to complete, which is restarted when it has"


def mounts(name, service, document, folder):
    """Volumes that are not declared, and files that are not in the repository."""
    for volume in service.get("volumes", []):
        source = volume.split(":")[0] if isinstance(volume, str) else volume.get("source", "")
        if source.startswith("."):
            if not (folder / source).exists():
                yield f"{name}: {source} is not in the repository"
        elif not source.startswith("/") and source not in (document.get("volumes") or {}):
            yield f"{name}: the volume {source} is not declared"


def secret_files(name, service):
    """Settings that name the file of a secret which the service is not given."""
    for setting, value in (service.get("environment") or {}).items():
        given = service.get("secrets", [])
        if str(value).startswith("/run/secrets/") and str(value).removeprefix("/run/secrets/") not in given:
            yield f"{name}: {setting} names {value}, a secret that it is not given"


def orders(name, service):
    """Commands, options and settings that our binary does not know."""
    command, *options = service.get("command") or [None]
    if command not in commands():
        yield f"{name}: the binary has no command {command}"
    for option in options:
        if option.startswith("--") and option.split("=")[0] not in long_options():
            yield f"{name}: no command of the binary has the option {option}"
    for variable in service.get("environment") or {}:
        if variable not in OTHER_VARIABLES and setting(variable) not in settings():
            yield f"{name}: {variable} is no setting"


def body(path, begin):
    """The lines between an item's head and the brace that closes it."""
    inside = path.read_text().split(begin, 1)
    if len(inside) < 2:
        sys.exit(f"{path} has no `{begin.strip()}`: tools/checks.py looks for what it says there")
    return inside[1].split("\n}\n")[0]


def commands():
    """The binary's commands as they are typed."""
    variants = re.findall(r"^    ([A-Z]\w+)", body(CLI, "\nenum Command {\n"), re.MULTILINE)
    return {re.sub(r"(?<!^)(?=[A-Z])", "-", variant).lower() for variant in variants} - {"offline"}


def long_options():
    """The options of all commands as they are typed."""
    found = set()
    for path in CLI.parent.rglob("*.rs"):
        arguments = re.findall(r"#\[arg\((.*?\blong\b.*?)\)\]\s+(?:pub )?(\w+):", path.read_text())
        for attributes, field in arguments:
            named = re.search(r'\blong = "([\w-]+)"', attributes)
            found.add("--" + (named[1] if named else field.replace("_", "-")))
    return found


def settings():
    return set(re.findall(r"^    pub (\w+):", body(SETTINGS, "\npub struct Settings {\n"), re.MULTILINE))


def setting(variable):
    """The setting that a variable sets, by its value or by a file that holds it."""
    name = variable.removeprefix("INSIGHTS_").lower() if variable.startswith("INSIGHTS_") else None
    return name.removesuffix("_file") if name and name not in settings() else name


def used(service, kind):
    """The names of one kind that a service uses."""
    entries = service.get(kind, [])
    if kind == "volumes":
        return {entry.split(":")[0] for entry in entries if isinstance(entry, str)}
    return {entry if isinstance(entry, str) else entry["source"] for entry in entries}


def collector(document, _folder):
    """Parts of an OpenTelemetry collector that are used and not defined, or the other way round."""
    parts = ("receivers", "processors", "exporters")
    used_parts = {part: set() for part in parts}
    for name, pipeline in document["service"]["pipelines"].items():
        if name.split("/")[0] not in ("traces", "metrics", "logs"):
            yield f"the pipeline {name} carries an unknown signal"
        for part in parts:
            for component in pipeline.get(part, []):
                used_parts[part].add(component)
                if component not in (document.get(part) or {}):
                    yield f"the pipeline {name} names {component}, which is not among the {part}"
        if not pipeline.get("receivers") or not pipeline.get("exporters"):
            yield f"the pipeline {name} needs a receiver and an exporter"
        if (pipeline.get("processors") or [None])[0] != "memory_limiter":
            yield f"the pipeline {name} does not begin with memory_limiter"
    for part in parts:
        for component in set(document.get(part) or {}) - used_parts[part]:
            yield f"{component} is defined among the {part} and used by no pipeline"
    for extension in document["service"].get("extensions", []):
        if extension not in (document.get("extensions") or {}):
            yield f"the extension {extension} is not defined"


def main():
    kind, path = sys.argv[1], pathlib.Path(sys.argv[2])
    check = {"compose": compose, "collector": collector}[kind]
    problems = list(check(yaml.safe_load(path.read_text()), path.parent))
    for problem in problems:
        print(f"{path}: {problem}", file=sys.stderr)
    sys.exit(bool(problems))


main()
