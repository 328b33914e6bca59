package broker

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// maxNameBytes is Kafka's: a directory named "<topic>-<partition>" must fit into 255 bytes.
const maxNameBytes = 249

// CheckTopicName applies Kafka's rules: letters, digits, '.', '_' and '-', at most 249 of them, not "." or "..".
func CheckTopicName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: the name is empty", ErrInvalidTopic)
	case name == "." || name == "..":
		return fmt.Errorf("%w: the name is %q", ErrInvalidTopic, name)
	case len(name) > maxNameBytes:
		return fmt.Errorf("%w: the name has %d characters, at most %d are allowed", ErrInvalidTopic, len(name), maxNameBytes)
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-' {
			continue
		}
		return fmt.Errorf("%w: %q contains one or more characters other than ASCII letters, digits, '.', '_' and '-'", ErrInvalidTopic, name)
	}
	return nil
}

// UUID is a topic's id. The zero value means none.
type UUID [16]byte

func (u UUID) String() string { return base64.RawURLEncoding.EncodeToString(u[:]) }

// MarshalText and UnmarshalText use Kafka's form, 22 characters of URL-safe base64.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (u *UUID) UnmarshalText(b []byte) error {
	raw, err := base64.RawURLEncoding.DecodeString(string(b))
	if err != nil || len(raw) != len(u) {
		return fmt.Errorf("read id %q: want 22 characters of URL-safe base64", b)
	}
	copy(u[:], raw)
	return nil
}

// newUUID is a random id whose text does not begin with '-', which command lines would take for a flag (as Kafka's do).
func newUUID() UUID {
	for {
		var u UUID
		_, _ = rand.Read(u[:]) // never fails
		u[6] = u[6]&0x0f | 0x40
		u[8] = u[8]&0x3f | 0x80
		if u.String()[0] != '-' {
			return u
		}
	}
}
