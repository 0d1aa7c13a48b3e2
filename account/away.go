package account

// Away marks the head of an answer 503 at every door that people and programs
// ask: control data, the ledger or the figures do not answer just now, and whoever
// asks may come again by itself, after two seconds.
func Away(head interface{ Set(name, value string) }) { head.Set("Retry-After", "2") }
