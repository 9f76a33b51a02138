package contract

import (
	"os"
	"sync"
	"testing"

	"github.com/certuse/cloudflare-mtls/api/internal/apispec"
)

// fixedContract is a fixed version of the contract, so that these tests do not depend
// on the vendor's changes. Other tests cover the contract of the module.
var fixedContract []byte

func TestMain(m *testing.M) {
	var err error
	if fixedContract, err = os.ReadFile("../internal/apispec/testdata/contract.json"); err != nil {
		panic(err)
	}
	apispec.Load = sync.OnceValues(func() (*apispec.Document, error) { return apispec.Parse(fixedContract) })
	os.Exit(m.Run())
}
