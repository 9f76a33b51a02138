package api_test

import (
	"net/http"
	"net/url"
	"testing"
)

// failingJar is a cookie jar that fails the test when it is used.
type failingJar struct{ t *testing.T }

func (j failingJar) SetCookies(*url.URL, []*http.Cookie) { j.t.Error("a cookie was kept") }

func (j failingJar) Cookies(*url.URL) []*http.Cookie {
	j.t.Error("cookies were read")
	return nil
}
