package api

import (
	"errors"
	"strings"
	"testing"
)

func TestValidateAcceptsWhatACallAccepts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		ref  CertificateRef
		want string // part of the error, "" for none
	}{
		"real ids":         {CertificateRef{"023e105f4ecef8ad9ca31a8372d0c353", "2458ce5a-0c35-4c7f-82c7-8e9487d3ff60"}, ""},
		"no account":       {CertificateRef{"", "abc"}, "AccountID is empty"},
		"no certificate":   {CertificateRef{"abc", ""}, "CertificateRef.ID is empty"},
		"dot segments":     {CertificateRef{"..", ".."}, "AccountID"},
		"slash":            {CertificateRef{"abc", "a/b"}, "CertificateRef.ID"},
		"account too long": {CertificateRef{strings.Repeat("a", 33), "abc"}, "33 bytes"},
		"id too long":      {CertificateRef{"abc", strings.Repeat("a", 65)}, "65 bytes"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.ref.Validate()
			if test.want == "" {
				if err != nil {
					t.Errorf("Validate() = %v", err)
				}
				return
			}
			if !errors.Is(err, ErrInvalidArgument) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Validate() = %v, want an invalid argument with %q", err, test.want)
			}
		})
	}
}
