package collect

import "testing"

// BenchmarkRenamed is the snippet by a name of its own, asked for again.
func BenchmarkRenamed(b *testing.B) {
	for b.Loop() {
		renames.of("/n/menu/")
	}
}

// BenchmarkRenamedFirst is the same, asked for first.
func BenchmarkRenamedFirst(b *testing.B) {
	for b.Loop() {
		clear(renames.made)
		renames.of("/n/menu/")
	}
}
