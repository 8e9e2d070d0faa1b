"""The deliver consumer: follows the log, sends, decides, and writes what came of it."""
