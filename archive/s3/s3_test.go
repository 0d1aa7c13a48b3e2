package s3

import (
	"fmt"
	"sync/atomic"
	"testing"

	"footfall/archive"
	"footfall/archive/archivetest"
	"footfall/archive/s3/s3test"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func at(endpoint, prefix string) Options {
	return Options{Bucket: s3test.Bucket, Prefix: prefix, Endpoint: endpoint, Keys: Keys{ID: s3test.ID, Secret: s3test.Secret}}
}

func open(t testing.TB, o Options) *Objects {
	t.Helper()
	b, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// places are prefixes of a bucket, one for each place asked for; every opening is a
// new client.
func places(endpoint string) archivetest.Place {
	var n atomic.Int32
	return func(t *testing.T) func() archive.Objects {
		prefix := fmt.Sprintf("law/%d", n.Add(1))
		return func() archive.Objects { return open(t, at(endpoint, prefix)) }
	}
}

func TestLaw(t *testing.T) { archivetest.RunShort(t, places(s3test.StartFake(t).Endpoint)) }

func TestLawOnServer(t *testing.T) { archivetest.RunShort(t, places(s3test.Start(t).Endpoint())) }
