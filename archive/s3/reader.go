package s3

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/minio/minio-go/v7"
)

const (
	cuts  = 4                      // in a row, without a byte between, that a reader goes on behind
	pause = 100 * time.Millisecond // before it does, a little longer each time
)

// reader reads an object, and goes on where the connection was cut, as long as the
// object is still the one it began with.
type reader struct {
	ctx  context.Context
	from *Objects
	key  string

	body     io.ReadCloser
	etag     string
	at, size int64
	cut      int
}

func (r *reader) open() error {
	var o minio.GetObjectOptions
	if r.at > 0 {
		if err := errors.Join(o.SetRange(r.at, 0), o.SetMatchETag(r.etag)); err != nil {
			return err
		}
	}
	body, info, _, err := r.from.core.GetObject(r.ctx, r.from.bucket, r.key, o)
	if err != nil {
		return err
	}
	if r.body = body; r.at == 0 {
		r.etag, r.size = info.ETag, info.Size
	}
	if info.ETag != r.etag { // not every store minds what was asked for
		return errors.New("it was replaced while it was read")
	}
	return nil
}

// Read implements io.Reader.
func (r *reader) Read(b []byte) (int, error) {
	for {
		n, err := r.body.Read(b)
		if r.at += int64(n); n > 0 {
			r.cut = 0
			return n, nil
		}
		if err == nil || err == io.EOF && r.at >= r.size {
			return 0, err
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if r.cut++; r.cut > cuts {
			return 0, r.from.fault(err)
		}
		select {
		case <-r.ctx.Done():
			return 0, r.ctx.Err()
		case <-time.After(time.Duration(r.cut) * pause):
		}
		r.body.Close()
		if err := r.open(); err != nil {
			return 0, r.from.fault(err)
		}
	}
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.body.Close() }
