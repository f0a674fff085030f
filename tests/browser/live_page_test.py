"""The live page in Chromium: alive, frozen, starved, and after the server has gone.

    /usr/bin/python3 live_page_test.py FOLDER-OF-CHAT-SERVERS CHROMIUM CHROMEDRIVER [unittest options]

With CHAT_SCREENSHOTS=FOLDER it saves a picture of each state there.
"""

import os
import pathlib
import sys
import tempfile
import unittest

from selenium import webdriver
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from chat_client import ChatClient
from chat_server import PATIENCE, ChatServer, ServerTest

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,860")


class LivePage(ServerTest):
    frozen_at_the_end = True  # or gone: some tests freeze or kill the server

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        for flag in (*FLAGS, f"--user-data-dir={folder.name}"):
            options.add_argument(flag)
        cls.browser = webdriver.Chrome(service=Service(CHROMEDRIVER), options=options)
        cls.addClassCleanup(cls.browser.quit)

    def open(self, flavour, *flags, **options):
        ChatServer.program = os.path.join(PROGRAMS, f"chat-server-{flavour}")
        server = self.start(*flags, **options)
        self.browser.get(server.facts["admin"])
        return server

    def text(self, element):
        return self.browser.find_element(By.ID, element).text

    def wait_for_text(self, element, text, within=PATIENCE):
        try:
            WebDriverWait(self.browser, within, 0.05).until(lambda _: text in self.text(element))
        except TimeoutException:
            self.fail(f"no {text!r} in #{element}; the page says:\n{self.text_of_page()}")

    def text_of_page(self):
        return self.browser.find_element(By.TAG_NAME, "body").text

    def picture(self, name):
        if folder := os.environ.get("CHAT_SCREENSHOTS"):
            self.browser.save_screenshot(os.path.join(folder, f"{name}.png"))

    def join_as(self, server, name, **options):
        return self.join(server, f"/?name={name}", **options)

    def assert_one_screen(self):
        height, window = self.browser.execute_script("return [document.documentElement.scrollHeight, innerHeight]")
        self.assertLessEqual(height, window, "the page does not fit on one screen")

    def complaints(self):
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def test_alive(self):
        server = self.open("async-across_await")
        self.wait_for_text("status", "ALIVE")
        self.assertEqual((self.text("mutex"), self.text("guard")), ("async mutex", "held across the co_await"))
        everyone = [self.join_as(server, f"guest{n}") for n in range(3)]
        self.wait_for_text("clients", "3")
        self.assert_chat_works(server, *everyone)

        def shows_deliveries(_):
            everyone[0].say("hello", ref=1)  # again at each look, because the page shows the last second only
            everyone[0].take("ack")
            return self.text("deliveries") not in ("0", "–")

        WebDriverWait(self.browser, PATIENCE, 0.05).until(shows_deliveries)
        self.picture("alive")
        self.assert_one_screen()
        self.assertFalse(self.browser.find_element(By.ID, "stall").is_displayed())
        self.assertEqual(self.complaints(), [])

    def test_deadlock_with_both_lines(self):
        server = self.open("std-across_await")
        self.wait_for_text("status", "ALIVE")
        self.join_as(server, "alice").say("hello")
        self.wait_for_text("status", "DEADLOCK")
        self.wait_for_text("explanation", "room.cpp")
        cycle = self.text("cycle")
        for words in ("say of alice", "fan_out", "the only thread", *self.lines("buffer = co_await", "say"),
                      *self.lines("buffer = co_await", "fan_out"), *self.lines("co_await from->reply", "say")):
            self.assertIn(words, cycle)
        self.assertNotEqual(self.text("fix"), "")
        before = self.text("since")
        WebDriverWait(self.browser, PATIENCE, 0.05).until(lambda _: self.text("since") != before)
        self.picture("deadlock")
        self.assert_one_screen()

    def test_blocked_with_the_calls(self):
        self.open("async-released", "--fault", "hang")
        self.wait_for_text("status", "BLOCKED")
        self.wait_for_text("cycle", "fault.cpp")  # the names of the calls follow the report
        self.picture("blocked")
        self.assert_one_screen()

    def lines(self, words, task):
        """Returns the line of these words in that task's function, as `room.cpp:NN`."""
        source = pathlib.Path(__file__).parents[2] / "server/chat/room.cpp"
        lines = source.read_text(encoding="utf-8").splitlines()
        start = next(n for n, line in enumerate(lines) if f"room::{task}(" in line)
        return [f"room.cpp:{next(n for n in range(start, len(lines)) if words in lines[n]) + 1}"]

    def test_starved_and_alive_again(self):
        server = self.open("async-across_await", "--starve-after", "500ms", "--write-timeout", "1m")
        talker = self.join_as(server, "talker")
        sleeper = self.join_as(server, "sleepy", receive_buffer=4096)
        try:
            for seq in range(1, 2000):
                talker.say("x" * 4000, ref=seq)
                talker.take("ack", within=1)
        except TimeoutError:
            pass
        self.wait_for_text("status", "STARVED")
        self.wait_for_text("cycle", "deliver of sleepy")
        self.picture("starved")
        self.assert_one_screen()
        sleeper.connection.reset()
        self.wait_for_text("status", "ALIVE")
        self.wait_for_text("since", "it was starved")
        self.assertFalse(self.browser.find_element(By.ID, "stall").is_displayed())

    def test_gone_and_back(self):
        server = self.open("async-released")
        self.wait_for_text("status", "ALIVE")
        port = server.facts["admin"].rstrip("/").rsplit(":", 1)[1]
        server.kill()
        self.wait_for_text("status", "GONE")
        self.picture("gone")
        self.start("--admin-port", port)
        self.wait_for_text("status", "ALIVE")


if __name__ == "__main__":
    PROGRAMS, CHROMIUM, CHROMEDRIVER = sys.argv[1:4]
    del sys.argv[1:4]
    unittest.main(verbosity=2)
