using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Ote.Testing.Kubernetes;

namespace Ote.Tests.Kube.Server.Aggregation;

/// <summary>An API server in front: its authority, its certificate, and what it publishes.</summary>
internal sealed class FrontProxy : IDisposable
{
    public FrontProxy(TimeProvider time) => Authority = new ClusterAuthority("front", time);

    public ClusterAuthority Authority { get; }

    public X509Certificate2 Certificate(string name = "front-proxy-client") => Load(Authority.IssueClient(name));

    public JsonObject Published(string names = """["front-proxy-client"]""") => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "ConfigMap",
        ["metadata"] = new JsonObject { ["name"] = "extension-apiserver-authentication", ["namespace"] = "kube-system" },
        ["data"] = new JsonObject
        {
            ["requestheader-client-ca-file"] = Authority.Certificate,
            ["requestheader-allowed-names"] = names,
            ["requestheader-username-headers"] = """["X-Remote-User"]""",
            ["requestheader-group-headers"] = """["X-Remote-Group"]""",
            ["requestheader-extra-headers-prefix"] = """["X-Remote-Extra-"]""",
        },
    };

    public static X509Certificate2 Load(IssuedCertificate issued) => X509Certificate2.CreateFromPem(issued.Certificate, issued.Key);

    public void Dispose() => Authority.Dispose();
}
