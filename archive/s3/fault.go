package s3

import (
	"fmt"
	"io/fs"
	"net/http"

	"github.com/minio/minio-go/v7"

	"footfall/archive"
)

// fault says what people can do about an error of the store that does not pass by
// itself, and leaves any other as it is.
func (o *Objects) fault(err error) error {
	if err == nil {
		return nil
	}
	res := minio.ToErrorResponse(err)
	said := ""
	switch res.Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%s: %w", res.Key, fs.ErrNotExist)
	case minio.NoSuchBucket, minio.InvalidBucketName:
		said = "there is no such bucket: make it, or mend the URL"
	case minio.InvalidAccessKeyID, minio.SignatureDoesNotMatch, "InvalidToken", "ExpiredToken", "InvalidClientTokenId":
		said = "the store does not take the keys: look at AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the file ~/.aws/credentials, of who runs this"
	case minio.AccessDenied, minio.AllAccessDisabled:
		if said = "the keys may not do this: they need s3:ListBucket of the bucket, and s3:GetObject, s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload of its objects"; !o.own {
			said = "there are no keys to ask with: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, write ~/.aws/credentials, or give the machine a role"
		}
	case minio.AuthorizationHeaderMalformed, minio.InvalidRegion, "PermanentRedirect", "IllegalLocationConstraintException":
		said = "the bucket is of another region: name it with ?region=… in the URL, or AWS_REGION"
	case minio.RequestTimeTooSkewed:
		said = "the clock of this machine is wrong: set it"
	default:
		if res.StatusCode == 0 || res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusTooManyRequests {
			return fmt.Errorf("%s: %w: %w", o.where, archive.ErrAway, err)
		}
		return fmt.Errorf("%s: %w", o.where, err)
	}
	return fmt.Errorf("%s: %s (%w)", o.where, said, err)
}
