UPDATE lease SET until_ms = 0
