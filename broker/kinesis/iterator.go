package kinesis

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// iteratorLife is how long an iterator may be used: 5 minutes, as AWS.
const iteratorLife = 5 * time.Minute

// An iterator is base64 of
//
//	version 1 | topic id 16 | shard 4 | offset 8 | issued (ns) 8 | stream's name | HMAC-SHA256 16
//
// all big endian, the HMAC cut to 16 bytes over what stands before it. So it holds everything that GetRecords needs, and
// only this broker can have made it.
const (
	iteratorVersion = 1
	iteratorHead    = 1 + 16 + 4 + 8 + 8
	iteratorMAC     = 16
)

type iterator struct {
	stream  string
	topicID [16]byte
	shard   int
	offset  int64
	issued  time.Time
}

func (it iterator) encode(key []byte) string {
	b := append([]byte{iteratorVersion}, it.topicID[:]...)
	b = binary.BigEndian.AppendUint32(b, uint32(it.shard))
	b = binary.BigEndian.AppendUint64(b, uint64(it.offset))
	b = binary.BigEndian.AppendUint64(b, uint64(it.issued.UnixNano()))
	b = append(b, it.stream...)
	return base64.StdEncoding.EncodeToString(append(b, mac(key, b)...))
}

func mac(key, b []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(b)
	return h.Sum(nil)[:iteratorMAC]
}

// maxIteratorText is the API's limit on the text's length.
const maxIteratorText = 512

func decodeIterator(s string, key []byte, now time.Time) (iterator, *apiError) {
	bad := invalidArgument("Invalid ShardIterator.")
	if s == "" || len(s) > maxIteratorText {
		return iterator{}, bad
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil || len(b) < iteratorHead+iteratorMAC || b[0] != iteratorVersion {
		return iterator{}, bad
	}
	body, sum := b[:len(b)-iteratorMAC], b[len(b)-iteratorMAC:]
	if !hmac.Equal(sum, mac(key, body)) {
		return iterator{}, bad
	}
	it := iterator{
		shard:  int(binary.BigEndian.Uint32(body[17:])),
		offset: int64(binary.BigEndian.Uint64(body[21:])),
		issued: time.Unix(0, int64(binary.BigEndian.Uint64(body[29:]))),
		stream: string(body[iteratorHead:]),
	}
	copy(it.topicID[:], body[1:17])
	if age := now.Sub(it.issued); age > iteratorLife {
		return it, exception("ExpiredIteratorException", "Iterator expired. The iterator was created at time %s while right now it is %s which is further in the future than the tolerated delay of %d milliseconds.",
			it.issued.UTC().Format(time.RFC1123), now.UTC().Format(time.RFC1123), iteratorLife.Milliseconds())
	}
	return it, nil
}
