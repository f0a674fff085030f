"""scripts/setup.sh chooses packages according to the release. Here, scripts stand in for apt and dpkg-query:
they know the packages of a release and record which of them setup.sh wants to install."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SETUP = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "setup.sh"

BUILD = {"g++": "4:12.2", "cmake": "3.25", "ninja-build": "1.11", "libspdlog-dev": "1:1.10",
         "libcli11-dev": "2.1", "prometheus-cpp-dev": "1.0"}
TEST = {"doctest-dev": "2.4", "libsqlite3-dev": "3.40", "libabsl-dev": "20220623", "python3": "3.11", "python3-websockets": "10.4", "python3-selenium": "4.8",
        "libbenchmark-dev": "1.7"}
BROWSER = {"chromium": "156", "chromium-driver": "156"}


def clang(*versions):
    return {name: f"1:{n}.1" for n in versions
            for name in (f"clang-{n}", f"libclang-rt-{n}-dev", f"clang-tidy-{n}", f"clang-format-{n}")}


COMMON = BUILD | TEST
DEBIAN_12 = COMMON | BROWSER | clang(14, 19, 22) | {"libboost-dev": "1.74.0.3", "libboost1.81-dev": "1.81.0-5"}
DEBIAN_13 = COMMON | BROWSER | clang(17, 19, 22) | {"libboost-dev": "1.83.0.2+b2", "libboost1.88-dev": "1.88.0-1"}
TESTING = COMMON | BROWSER | clang(9, 21, 22) | {"libboost-dev": "1.92.0.1"}
UBUNTU = COMMON | clang(14, 18, 19) | {"libboost-dev": "1.83.0.1ubuntu2"}
TOO_OLD = COMMON | clang(14) | {"libboost-dev": "1.74.0.3ubuntu7"}

# Like the real apt-cache, prints a policy without a candidate for a name that other packages merely mention.
STAND_INS = {
    "apt-cache": """
        case $1 in
            policy)
                version=$(sed -n "s/^$2 //p" "$WORLD/release")
                printf '%s:\\n  Installed: (none)\\n  Candidate: %s\\n' "$2" "${version:-(none)}"
                ;;
            search) sed -n -E 's/^(clang-[0-9]+) .*/\\1 - a compiler/p' "$WORLD/release" ;;
            *) exit 1 ;;
        esac""",
    "dpkg-query": 'cat "$WORLD/installed"',
    "apt-get": """
        while [ "$1" = -o ]; do shift 2; done
        [ "$1" != install ] || echo "$*" >"$WORLD/asked" """,
    "sudo": '"$@"',
}


class Setup(unittest.TestCase):
    def setUp(self):
        self.world = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.world)
        for name, script in STAND_INS.items():
            program = self.world / name
            program.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
            program.chmod(0o755)

    def setup_sh(self, *arguments, release, installed=None, removed=None):
        """Runs setup.sh and returns the packages that it asked apt to install, or None if it did not ask.
        Keeps the exit code and output in self.run."""
        (self.world / "release").write_text("".join(f"{n} {v}\n" for n, v in release.items()))
        (self.world / "installed").write_text(
            "".join(f"ii {n} {v}\n" for n, v in (installed or {}).items()) +
            "".join(f"rc {n} {v}\n" for n, v in (removed or {}).items()))
        asked = self.world / "asked"
        asked.unlink(missing_ok=True)
        self.run = subprocess.run(
            [SETUP, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False, env=os.environ | {"PATH": f"{self.world}:/usr/bin:/bin", "WORLD": str(self.world)})
        if not asked.exists():
            return None
        return [word for word in asked.read_text().split()[1:] if not word.startswith("-")]

    def boost(self, **world):
        asked = self.setup_sh("demo", **world)
        self.assertEqual(self.run.returncode, 0, self.run.stdout)
        return [package for package in asked or [] if "boost" in package]

    def test_debian_12_gets_the_package_named_boost_1_81(self):
        self.assertEqual(self.boost(release=DEBIAN_12), ["libboost1.81-dev"])

    def test_the_default_boost_is_installed_if_it_is_new_enough(self):
        for release in (DEBIAN_13, TESTING, UBUNTU):
            self.assertEqual(self.boost(release=release), ["libboost-dev"])

    def test_an_installed_boost_that_is_new_enough_is_kept(self):
        for release, package, version in ((DEBIAN_12, "libboost1.83-dev", "1.83.0-2~bpo12+1"),
                                          (DEBIAN_12, "libboost1.81-dev", "1.81.0-5+deb12u1"),
                                          (DEBIAN_13, "libboost1.88-dev", "1.88.0-1"),
                                          (TESTING, "libboost1.90-dev", "1.90.0-1"),
                                          (TESTING, "libboost1.100-dev", "1.100.0-1")):
            self.assertEqual(self.boost(release=release, installed={package: version}), [], package)

    def test_other_boost_packages_do_not_count_as_its_headers(self):
        tools = {"libboost1.88-tools-dev": "1.88.0-1", "libboost-url1.88-dev": "1.88.0-1"}
        self.assertEqual(self.boost(release=DEBIAN_13, installed=tools), ["libboost-dev"])

    def test_a_removed_boost_does_not_count_as_installed(self):
        self.assertEqual(self.boost(release=DEBIAN_13, removed={"libboost1.88-dev": "1.88.0-1"}), ["libboost-dev"])

    def test_it_announces_that_an_old_boost_will_be_removed(self):
        old = {"libboost-dev": "1.74.0.3", "libboost1.74-dev": "1.74.0+ds1-21"}
        self.assertEqual(self.boost(release=DEBIAN_12, installed=old), ["libboost1.81-dev"])
        self.assertIn("1.74.0+ds1-21 is too old", self.run.stdout)

    def test_without_a_new_enough_boost_it_says_what_to_do(self):
        self.assertIsNone(self.setup_sh("demo", release=TOO_OLD))
        self.assertEqual(self.run.returncode, 1)
        self.assertIn("apt does not know: libboost1.81-dev", self.run.stdout)
        self.assertIn("--no-setup", self.run.stdout)

    def test_clang_19_is_installed_if_the_release_has_it(self):
        for release in (DEBIAN_12, DEBIAN_13, UBUNTU):
            asked = self.setup_sh("test-all", release=release)
            self.assertLessEqual({"clang-19", "libclang-rt-19-dev", "clang-tidy-19", "clang-format-19"}, set(asked))

    def test_the_newest_clang_is_installed_if_the_release_does_not_have_19(self):
        asked = self.setup_sh("test-all", release=TESTING)
        self.assertEqual({package for package in asked if "clang" in package},
                         {"clang-22", "libclang-rt-22-dev", "clang-tidy-22"})
        self.assertIn("clang-format-19", self.run.stdout)  # listed as not available

    def test_unavailable_optional_packages_are_listed_and_the_rest_are_installed(self):
        asked = self.setup_sh("test", release=UBUNTU)
        self.assertEqual(self.run.returncode, 0, self.run.stdout)
        self.assertIn("no package for: chromium chromium-driver;", self.run.stdout)
        self.assertIn("python3-websockets", asked)
        self.assertNotIn("chromium", asked)

    def test_the_default_tests_do_not_install_clang(self):
        self.assertNotIn("clang-19", self.setup_sh("test", release=DEBIAN_12))

    def test_apt_is_not_asked_if_everything_is_installed(self):
        self.assertIsNone(self.setup_sh("demo", release=DEBIAN_13, installed=DEBIAN_13))
        self.assertEqual(self.run.returncode, 0, self.run.stdout)
        self.assertIn("all 7 packages are installed", self.run.stdout)

    def test_a_dry_run_installs_nothing_and_lists_everything(self):
        self.assertIsNone(self.setup_sh("demo", "--dry-run", release=DEBIAN_13))
        self.assertIn("7 to install with apt: g++ cmake ninja-build libboost-dev", self.run.stdout)


if __name__ == "__main__":
    if not shutil.which("dpkg"):
        sys.exit(77)  # setup.sh compares versions with dpkg
    unittest.main(verbosity=2)
