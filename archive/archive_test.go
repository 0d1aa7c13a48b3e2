package archive_test

import (
	"testing"

	"footfall/archive"
	"footfall/archive/archivetest"
)

func TestLaw(t *testing.T) {
	archivetest.Run(t, func(*testing.T) func() archive.Objects {
		m := archivetest.NewMemory()
		return func() archive.Objects { return m }
	})
}
