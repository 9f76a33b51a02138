package api

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// parseBaseURL does not repeat the URL in its errors: it may hold a password.
func parseBaseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the scheme must be https, or http for a loopback host")
	case u.Opaque != "" || u.Hostname() == "":
		return nil, errors.New("the host is missing")
	case u.User != nil:
		return nil, errors.New("user information is not allowed; pass credentials to New")
	case u.RawQuery != "" || u.ForceQuery:
		return nil, errors.New("a query is not allowed")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, errors.New("a fragment is not allowed")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, errors.New("http is allowed for a loopback host only; use https")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, fmt.Errorf("port %q is not between 1 and 65535", port)
		}
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return nil, errors.New("the path has a dot segment")
		}
	}
	// net/http drops the colon of an empty port from a request as well.
	u.Host = strings.TrimSuffix(u.Host, ":")
	// Names mean the same in any case, but not to everybody who compares them.
	// The zone of an address is the name of an interface and stays.
	if !strings.Contains(u.Host, "%") {
		u.Host = strings.ToLower(u.Host)
	}
	return u, nil
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
