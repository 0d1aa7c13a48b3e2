package accounttest

import "testing"

func TestMemoryKeepsTheLaw(t *testing.T) {
	Run(t, func(*testing.T) Store { return &Memory{} })
}

func TestMemoryKeepsTheLawOfTwo(t *testing.T) {
	Two(t, func(*testing.T) (Store, Store) {
		m := &Memory{}
		return m, m
	})
}
