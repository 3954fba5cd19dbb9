"""Try every reader of readers.py with inputs grown from valid ones, guided by what code they reach (atheris).

    make fuzz SECONDS=60                              # a table of readers in the end
    python tests/hostile/fuzz.py --seconds 600 "npy images"   # only some

A finding is an input at which a reader does what `attempt` in readers.py does not allow, or takes more than 10 seconds
or 3 GB. It is kept as a file, which `python tests/hostile/fuzz.py --again FILE READER` tries once more. Exit code 1 if
there are any.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FLAGS = ["-timeout=10", "-rss_limit_mb=3000", "-max_len=8192", "-len_control=0", "-print_final_stats=1"]
MODULES = ["sprites", "ddpm", "tomllib", "json", "ast", "PIL", "numpy.lib", "dacite"]


def fuzz(name: str, corpus: Path, flags: list[str]) -> None:
    """One reader, in this process, which libFuzzer ends."""
    import atheris

    with atheris.instrument_imports(include=MODULES):
        from readers import READERS, TOKENS, attempt

    folder = corpus.parent / "files"
    folder.mkdir()
    reader = READERS[name](folder)
    spoilt = [seed[: len(seed) // 2] + token + seed[len(seed) // 2 :] for seed in reader.seeds for token in TOKENS]
    for number, data in enumerate([*reader.seeds, *spoilt, *TOKENS]):
        (corpus / str(number)).write_bytes(data)
    atheris.Setup([sys.argv[0], *FLAGS, *flags, str(corpus)], lambda data: attempt(reader, data, folder))
    atheris.Fuzz()


def run(name: str, seconds: int, findings: Path) -> tuple[int, list[Path]]:
    """How many inputs a process tried on a reader, and the files of those that are findings."""
    prefix = findings / f"{name.replace(' ', '_')}-"
    before = set(findings.iterdir())
    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        flags = [f"-max_total_time={seconds}", f"-artifact_prefix={prefix}"]
        command = [sys.executable, __file__, "--child", name, str(corpus), *flags]
        result = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    found = sorted(set(findings.iterdir()) - before)
    tried = re.search(r"number_of_executed_units: *(\d+)", result.stderr)
    if result.returncode or found or not tried:
        print(result.stderr[-4000:], file=sys.stderr)
        found = found or [Path(f"exit code {result.returncode}")]
    return int(tried[1]) if tried else 0, found


def main() -> int:
    from readers import READERS, attempt

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("readers", nargs="*", metavar="READER", help=f"left out, all of: {', '.join(READERS)}")
    parser.add_argument("--seconds", type=int, default=60, help="for each reader")
    parser.add_argument("--findings", type=Path, default=Path("runs/fuzz"), help="folder for what is found")
    parser.add_argument("--again", type=Path, metavar="FILE", help="try this input on READER")
    args = parser.parse_args()
    unknown = [name for name in args.readers if name not in READERS]
    if unknown:
        parser.error(f"unknown reader {unknown[0]!r}: choose of {', '.join(READERS)}")
    if args.again:
        with tempfile.TemporaryDirectory() as folder:
            print(attempt(READERS[args.readers[0]](Path(folder)), args.again.read_bytes(), Path(folder)))
        return 0
    args.findings.mkdir(parents=True, exist_ok=True)
    print(f"{'reader':18} {'inputs':>9}  findings", flush=True)
    total, failed = 0, False
    for name in args.readers or READERS:
        tried, found = run(name, args.seconds, args.findings)
        total, failed = total + tried, failed or bool(found)
        print(f"{name:18} {tried:9,}  {', '.join(map(str, found)) or 'none'}", flush=True)
    print(f"{'all':18} {total:9,}")
    return int(failed)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        fuzz(sys.argv[2], Path(sys.argv[3]), sys.argv[4:])
    else:
        sys.exit(main())
