package process

import (
	"maps"
	"os"
	"slices"
	"strconv"

	"github.com/weirhub/weir/functions"
)

// inherited are the variables that a child gets from this process: what programs need to run at all, to find their
// libraries and to reach the network.
var inherited = [...]string{
	"PATH", "HOME", "USER", "TMPDIR", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT",
	"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYENV_ROOT", "PYENV_VERSION", "NODE_PATH",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
	"GOCOVERDIR",
}

// environment is a child's: inherited, then Lambda's (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html),
// then the declaration's, later ones winning. The credentials are the ones that local AWS endpoints take.
func environment(spec functions.Spec, rt runtime, o Options, api, instance string) []string {
	env := map[string]string{}
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			env[name] = v
		}
	}
	lambda := map[string]string{
		"TZ":                              ":UTC",
		"AWS_REGION":                      o.Region,
		"AWS_DEFAULT_REGION":              o.Region,
		"AWS_ACCESS_KEY_ID":               "weir",
		"AWS_SECRET_ACCESS_KEY":           "weir",
		"AWS_SESSION_TOKEN":               "weir",
		"AWS_EXECUTION_ENV":               rt.execution,
		"AWS_LAMBDA_FUNCTION_NAME":        spec.Name,
		"AWS_LAMBDA_FUNCTION_VERSION":     "$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(spec.MemoryMiB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       "/aws/lambda/" + spec.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME":      instance,
		"LAMBDA_TASK_ROOT":                spec.Code,
		"LAMBDA_RUNTIME_DIR":              spec.Code,
		"_HANDLER":                        spec.Handler,
		"PYTHONIOENCODING":                "utf-8",
		"PYTHONDONTWRITEBYTECODE":         "1", // nothing is written beside the user's code
	}
	if o.AWSEndpoint != "" {
		lambda["AWS_ENDPOINT_URL"] = o.AWSEndpoint
	}
	maps.Copy(env, lambda)
	maps.Copy(env, spec.Env)
	env["AWS_LAMBDA_RUNTIME_API"] = api
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}
