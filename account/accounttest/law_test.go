package accounttest

import "testing"

func TestMemoryKeepsTheLaw(t *testing.T) {
	Run(t, func(*testing.T) Store { return &Memory{} })
}
