package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// DeviceSecret is the name of the secret that signs devices.
const DeviceSecret = "device"

// signDevice makes what a browser keeps of a log-in: a random name and its
// signature for the e-mail. It lets nobody in. It only keeps others' wrong
// passwords from slowing this browser down.
func signDevice(secret []byte, email, name string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(name + "\x00" + email))
	return name + "." + hex.EncodeToString(mac.Sum(nil)[:16])
}

// newDevice is a new one for an e-mail.
func (g *Gate) newDevice(ctx context.Context, email string) (string, error) {
	secret, err := g.secrets.Secret(ctx, DeviceSecret)
	return signDevice(secret, email, NewToken(DevicePrefix, 10)), err
}

// known is the sender without a device that has not logged in with this e-mail.
func (g *Gate) known(ctx context.Context, email string, from Sender) (Sender, error) {
	name, _, signed := strings.Cut(from.Device, ".")
	if !signed || email == "" {
		from.Device = ""
		return from, nil
	}
	secret, err := g.secrets.Secret(ctx, DeviceSecret)
	if err == nil && !hmac.Equal([]byte(from.Device), []byte(signDevice(secret, email, name))) {
		from.Device = ""
	}
	return from, err
}
