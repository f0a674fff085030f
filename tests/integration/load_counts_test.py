"""chat-load counts exactly the messages that a faulty server loses, duplicates or swaps."""

from load_testing import Run, check, fake_server


def run_against(fault, *flags):
    with fake_server(fault) as (port, _):
        return Run(port, "--clients", "3", "--duration", "500ms", "--timeout", "1s", *flags)


def counts(run):
    r = run.report
    return {"lost": r["lost"], "duplicated": r["duplicated"], "reordered": r["reordered"]}


NOTHING = {"lost": 0, "duplicated": 0, "reordered": 0}

run = run_against("well")
check("a correct server is alive, without any errors", run.code == 0 and counts(run) == NOTHING, run)
check("  and everything expected was delivered",
      run.report["delivered"] == run.report["expected"] == 3 * run.report["sent"] > 30, run)
check("  and the timeline adds up to the same number",
      sum(p["delivered"] for p in run.report["timeline"]) == run.report["delivered"], run)

run = run_against("well", "--rate", "200", "--senders", "3")
check("the open loop sends the planned number of messages", run.code == 0 and abs(run.report["sent"] - 100) <= 1, run)

run = Run(1, "--self-test")
check("the self-test counts every message", run.code == 0 and "per second of CPU time" in run.out, run)

for window in (1, 8):
    run = run_against("starve", "--window", str(window), "--expect", "starved")
    check(f"window {window}: this many messages are outstanding when deliveries stop",
          run.code == 0 and run.report["sent"] == 5 + window, run)
run = run_against("well", "--window", "8", "--senders", "2")
check("with a window all messages are delivered in order", run.code == 0 and counts(run) == NOTHING, run)

for fault, expected in [("lose", {"lost": 1}), ("double", {"duplicated": 1}), ("swap", {"reordered": 1}),
                        ("gap", {"lost": 1}), ("refuse", {"lost": 3})]:
    run = run_against(fault, *(["--rate", "100"] if fault == "swap" else []))
    check(f"{fault}: {expected}, exit 5", run.code == 5 and counts(run) == NOTHING | expected, run)

run = run_against("nonsense")
check("text that is not JSON is counted, and the run continues",
      run.code == 0 and run.report["errors"].get("unreadable messages") == 6, run)

for fault, words in [("reset", "reset"), ("close", "1001 bye"), ("garbage", "not a WebSocket frame")]:
    run = run_against(fault)
    check(f"{fault}: the server is gone, exit 1", run.code == 1 and run.report["verdict"] == "gone", run)
    check("  and the report names the cause", any(words in kind for kind in run.report["errors"]), run)
    check("  without waiting", run.seconds < 3, run)

run = run_against("well", "--max-p99", "1ms", "--rate", "500")
slow = run.report["latency_us"]["p99"] > 1000
check("a missed limit gives exit 5", run.code == (5 if slow else 0) and bool(run.report["missed_limits"]) == slow, run)
