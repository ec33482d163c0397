// Package webhooks verifies webhooks of Parley (Standard Webhooks 1.0.0), with nothing but Go's own library.
package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

const tolerance = 5 * time.Minute

// Verify tells whether the sender has the secret ("whsec_…") and signed less than five minutes before or after now.
// id, timestamp and signature are the headers webhook-id, webhook-timestamp and webhook-signature; body is what came,
// before anything parses it.
func Verify(secret, id, timestamp, signature string, body []byte, now time.Time) bool {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	expected := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, one := range strings.Split(signature, " ") {
		if hmac.Equal([]byte(one), expected) {
			return true
		}
	}
	return false
}
