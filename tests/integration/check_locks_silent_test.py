"""--check-locks reports nothing if no task is suspended with a std::mutex locked."""

from chat_server import ServerTest, run_tests


class CheckLocksSilent(ServerTest):
    def test_a_server_without_the_mistake_runs_under_the_check(self):
        server = self.start("--check-locks", "abort")
        for _ in range(20):
            self.assert_chat_works(server)
        self.assertNotIn("lock held", server.log())


if __name__ == "__main__":
    run_tests()
