// Package s3 keeps an archive's objects in a bucket of Amazon S3 or of a store that
// speaks its protocol. An object appears under its name only when all of it is there,
// which is the store's own promise; what is larger than a part goes up in parts, so
// that memory does not grow with it.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"footfall/archive"
)

const (
	asideFolder = "_aside/" // what was moved aside, each with asideSuffix so that no reader's *.parquet matches it
	asideSuffix = ".aside"
	partBytes   = 16 << 20 // of a part, which is held in memory; there may be 10,000 of them
	retries     = 4        // of a request whose fault may pass; who calls tries again later
	someRegion  = "us-east-1"
)

// Options say where a bucket is and who asks. The zero value of all but Bucket works.
type Options struct {
	Bucket    string
	Prefix    string // of the names of objects, a folder in effect; "" for the whole bucket
	Endpoint  string // URL of the store; "" for Amazon's
	Region    string // "" has Amazon asked for it; other stores are told us-east-1
	HostStyle bool   // the bucket is named in the host and not in the path, as Amazon's always is
	Keys      Keys
}

// Keys are what requests are signed with. Without them Amazon's files of the user who
// runs this are read, and the role of the machine is asked for.
type Keys struct{ ID, Secret, Token string }

// Objects is a bucket, or the part of it below a prefix.
type Objects struct {
	core   minio.Core
	bucket string
	prefix string // "" or ending in a slash
	where  string
	own    bool // there is something to sign requests with
}

var _ archive.Objects = (*Objects)(nil)

// Open sees that the bucket can be read.
func Open(ctx context.Context, o Options) (*Objects, error) {
	host, secure, err := o.host()
	if err != nil {
		return nil, err
	}
	style := minio.BucketLookupAuto
	if o.Endpoint != "" {
		if o.Region == "" {
			o.Region = someRegion
		}
		if style = minio.BucketLookupPath; o.HostStyle {
			style = minio.BucketLookupDNS
		}
	}
	connect, err := transport(secure)
	if err != nil {
		return nil, err
	}
	signed := o.Keys.credentials()
	client, err := minio.New(host, &minio.Options{Creds: signed, Secure: secure, Transport: connect, Region: o.Region, BucketLookup: style, MaxRetries: retries})
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", o.Bucket, err)
	}
	b := &Objects{core: minio.Core{Client: client}, bucket: o.Bucket, where: o.where()}
	if b.prefix = strings.Trim(o.Prefix, "/"); b.prefix != "" {
		b.prefix += "/"
	}
	if v, err := signed.GetWithContext(nil); err == nil {
		b.own = v.AccessKeyID != ""
	}
	for x := range client.ListObjectsIter(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix, MaxKeys: 1}) {
		if x.Err != nil {
			return nil, b.fault(x.Err)
		}
		break
	}
	return b, nil
}

// Check reports what is wrong with where the store is, or nil.
func (o Options) Check() error {
	_, _, err := o.host()
	return err
}

// host is the store's, and whether it is asked by TLS.
func (o Options) host() (host string, secure bool, err error) {
	if o.Endpoint == "" {
		return "s3.amazonaws.com", true, nil
	}
	u, err := url.Parse(o.Endpoint)
	switch {
	case strings.Contains(o.Endpoint, "@"): // nobody would take them, and the endpoint is kept and told
		return "", false, errors.New("keys don't belong into the endpoint of a bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return "", false, fmt.Errorf("endpoint %q: write https://host or http://host:port", o.Endpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

func (k Keys) credentials() *credentials.Credentials {
	if k.ID != "" {
		return credentials.NewStaticV4(k.ID, k.Secret, k.Token)
	}
	return credentials.NewChainCredentials([]credentials.Provider{&credentials.FileAWSCredentials{}, &credentials.IAM{Client: roles()}})
}

func (o Options) where() string {
	where := "s3://" + o.Bucket
	if p := strings.Trim(o.Prefix, "/"); p != "" {
		where += "/" + p
	}
	if o.Endpoint != "" {
		where += " at " + o.Endpoint
	}
	return where
}

// key is the name that an object has in the bucket.
func (o *Objects) key(ctx context.Context, name string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if !fs.ValidPath(name) || name == "." {
		return "", fmt.Errorf("%q is no name of an object", name)
	}
	return o.prefix + name, nil
}

// Put implements archive.Objects.
func (o *Objects) Put(ctx context.Context, name string, write func(io.Writer) error) error {
	key, err := o.key(ctx, name)
	if err != nil {
		return err
	}
	u := upload{send: func(r io.Reader, size int64) error {
		// By the hash of each part the store refuses what changed on the way. Signing the
		// content as well is understood by fewer, and does not know empty objects.
		_, err := o.core.Client.PutObject(ctx, o.bucket, key, r, size, minio.PutObjectOptions{PartSize: partBytes, SendContentMd5: true, DisableContentSha256: true})
		return err
	}}
	return o.fault(u.end(write(&u)))
}

// upload gathers what is written up to a part, and beyond that sends it while it is
// written.
type upload struct {
	send func(r io.Reader, size int64) error // -1: unknown
	held bytes.Buffer
	pipe *io.PipeWriter // set when it does not fit a part
	sent chan error
}

func (u *upload) Write(b []byte) (int, error) {
	if u.pipe == nil && u.held.Len()+len(b) <= partBytes {
		return u.held.Write(b)
	}
	if u.pipe == nil {
		r, w := io.Pipe()
		u.pipe, u.sent = w, make(chan error, 1)
		go func() {
			err := u.send(io.MultiReader(&u.held, r), -1)
			r.CloseWithError(errors.Join(err, io.ErrClosedPipe)) // nobody reads what comes now
			u.sent <- err
		}()
	}
	return u.pipe.Write(b)
}

// end sends the rest, or gives up if there was an error in writing.
func (u *upload) end(failed error) error {
	switch {
	case u.pipe == nil && failed != nil:
		return failed
	case u.pipe == nil:
		return u.send(bytes.NewReader(u.held.Bytes()), int64(u.held.Len()))
	}
	if failed != nil { // by no name that who sends takes for the end: io.EOF, io.ErrUnexpectedEOF
		failed = fmt.Errorf("not all of it was written: %w", failed)
	}
	u.pipe.CloseWithError(failed) // nil is the end
	if err := <-u.sent; err != nil {
		return err
	}
	return failed
}

// Open implements archive.Objects. What is read goes on behind a cut.
func (o *Objects) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	key, err := o.key(ctx, name)
	if err != nil {
		return nil, err
	}
	r := &reader{ctx: ctx, from: o, key: key}
	if err := r.open(); err != nil {
		if err = o.fault(err); errors.Is(err, fs.ErrNotExist) {
			err = &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		}
		return nil, err
	}
	return r, nil
}

// List implements archive.Objects.
func (o *Objects) List(ctx context.Context, prefix string) (names []string, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for x := range o.core.Client.ListObjectsIter(ctx, o.bucket, minio.ListObjectsOptions{Prefix: o.prefix + prefix, Recursive: true}) {
		if x.Err != nil {
			return nil, o.fault(x.Err)
		}
		name := strings.TrimPrefix(x.Key, o.prefix)
		if !strings.HasPrefix(name, asideFolder) && !strings.HasSuffix(name, "/") { // a folder that a tool made
			names = append(names, name)
		}
	}
	slices.Sort(names) // not all stores do
	return names, ctx.Err()
}

// Remove implements archive.Objects.
func (o *Objects) Remove(ctx context.Context, name string) error {
	key, err := o.key(ctx, name)
	if err != nil {
		return err
	}
	err = o.fault(o.core.Client.RemoveObject(ctx, o.bucket, key, minio.RemoveObjectOptions{}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Aside implements archive.Objects: the object goes to the folder _aside.
func (o *Objects) Aside(ctx context.Context, name string) error {
	key, err := o.key(ctx, name)
	if err != nil {
		return err
	}
	to := o.prefix + asideFolder + name + time.Now().UTC().Format(".20060102T150405.000000000") + asideSuffix
	_, err = o.core.Client.CopyObject(ctx, minio.CopyDestOptions{Bucket: o.bucket, Object: to}, minio.CopySrcOptions{Bucket: o.bucket, Object: key})
	switch err = o.fault(err); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	return o.Remove(ctx, name)
}

// KeepsVersions reports whether the bucket keeps what was removed or replaced; false
// if that can't be told.
func (o *Objects) KeepsVersions(ctx context.Context) bool {
	v, err := o.core.Client.GetBucketVersioning(ctx, o.bucket)
	return err == nil && v.Enabled()
}
