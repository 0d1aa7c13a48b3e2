package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"footfall/archive"
	"footfall/archive/disk"
	"footfall/archive/s3"
	"footfall/backup"
)

// keeper is where a directory or URL leads to: to a directory, or into a bucket.
type keeper struct {
	dir    string // whole path; "" if it is a bucket
	bucket s3.Options
}

// keeperOf reads what somebody wrote: a directory with its whole path, file:///… or
// s3://bucket/prefix. Of a bucket the URL may say endpoint, region and path-style; who
// asks is never in it.
func keeperOf(to string) (keeper, error) {
	u, err := url.Parse(to)
	switch {
	case filepath.IsAbs(to):
		return keeper{dir: filepath.Clean(to)}, nil
	case err != nil:
		return keeper{}, fmt.Errorf("%q is no directory or URL", redacted(to))
	case u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && filepath.IsAbs(u.Path):
		return keeper{dir: filepath.Clean(u.Path)}, nil
	case u.Scheme == "file":
		return keeper{}, fmt.Errorf("%q: write file:///and/the/whole/path", to)
	case u.Scheme == "s3":
		return bucketOf(u)
	case u.Scheme != "" && strings.Contains(to, "://"):
		return keeper{}, fmt.Errorf("there is no adapter for %s://, only for directories, such as file:///var/exports, and s3://bucket/prefix", u.Scheme)
	}
	return keeper{}, fmt.Errorf("%q: give a directory, or a URL such as file:///var/exports or s3://bucket/prefix", to)
}

func bucketOf(u *url.URL) (keeper, error) {
	k := keeper{bucket: s3.Options{Bucket: u.Host, Prefix: strings.Trim(path.Clean("/"+u.Path), "/")}}
	if u.User != nil {
		return k, errors.New("keys don't belong into the URL of a bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	if u.Host == "" {
		return k, fmt.Errorf("%q names no bucket: write s3://bucket/prefix", u.String())
	}
	for name, values := range u.Query() {
		switch value := values[0]; name {
		case "endpoint":
			k.bucket.Endpoint = value
		case "region":
			k.bucket.Region = value
		case "path-style":
			path, err := strconv.ParseBool(value)
			if err != nil {
				return k, fmt.Errorf("path-style=%s is neither true nor false", value)
			}
			k.bucket.HostStyle = !path
		default:
			return k, fmt.Errorf("the URL of a bucket has no option %q; there are endpoint, region and path-style", name)
		}
	}
	return k, k.bucket.Check()
}

// String is the URL, as it is kept and told.
func (k keeper) String() string {
	if k.dir != "" {
		return (&url.URL{Scheme: "file", Path: filepath.ToSlash(k.dir)}).String()
	}
	u, query := url.URL{Scheme: "s3", Host: k.bucket.Bucket, Path: "/" + k.bucket.Prefix}, url.Values{}
	for name, value := range map[string]string{"endpoint": k.bucket.Endpoint, "region": k.bucket.Region} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if k.bucket.HostStyle {
		query.Set("path-style", "false")
	}
	u.RawQuery = strings.NewReplacer("%3A", ":", "%2F", "/").Replace(query.Encode()) // so that it can be read
	return u.String()
}

// below is a folder in it.
func (k keeper) below(name string) keeper {
	if k.dir != "" {
		k.dir = filepath.Join(k.dir, name)
	} else {
		k.bucket.Prefix = path.Join(k.bucket.Prefix, name)
	}
	return k
}

// open opens it; a directory that is not there is made. What a URL leaves open and who
// asks for a bucket is in the variables that Amazon's tools read.
func (k keeper) open(ctx context.Context) (archive.Objects, error) {
	if k.dir != "" {
		return disk.Open(k.dir)
	}
	o := k.bucket
	o.Endpoint = cmp.Or(o.Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"))
	o.Region = cmp.Or(o.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"))
	o.Keys = s3.Keys{ID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"), Token: os.Getenv("AWS_SESSION_TOKEN")}
	return s3.Open(ctx, o)
}

// named is what somebody typed, with the whole path if it is a directory.
func named(to string) (string, error) {
	if strings.Contains(to, "://") {
		return to, nil
	}
	return filepath.Abs(to)
}

// backups opens a place of backups, or that of the one backup that is named. scratch is
// a directory for what is on its way into a bucket.
func (k keeper) backups(ctx context.Context, scratch string) (in backup.Place, one string, err error) {
	if k.dir != "" {
		if backup.Whole(k.dir) {
			return backup.Directory(filepath.Dir(k.dir)), filepath.Base(k.dir), nil
		}
		return backup.Directory(k.dir), "", nil
	}
	if last := path.Base(k.bucket.Prefix); backup.Named(last) {
		one, k.bucket.Prefix = last, strings.Trim(strings.TrimSuffix(k.bucket.Prefix, last), "/")
	}
	objects, err := k.open(ctx)
	if err != nil {
		return nil, "", err
	}
	return backup.Bucket(objects, func(name string) string { return k.below(name).String() }, scratch), one, nil
}

// probe puts, lists and removes an object, so that who may not is told now.
func probe(ctx context.Context, in archive.Objects) error {
	const name = "probe.tmp"
	err := putObject(ctx, in, name, "footfall was here")
	if err == nil {
		_, err = in.List(ctx, name)
	}
	if err == nil {
		err = in.Remove(ctx, name)
	}
	return err
}
