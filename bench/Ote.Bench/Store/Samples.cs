using System.Globalization;
using System.Text;

namespace Ote.Bench.Store;

/// <summary>Objects to store, of usual size.</summary>
internal static class Samples
{
    /// <summary>Of so many pods one is in each group, so that a label selects a hundredth.</summary>
    public const int Groups = 100;

    public const string Pods = "api/v1/namespaces/default/pods";

    public static string Name(int i) => string.Create(CultureInfo.InvariantCulture, $"web-7d4b9c6f5-{i:x6}");

    /// <summary>A pod as a Deployment's template makes it, some 1.5 KB.</summary>
    public static byte[] Pod(int i) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$$"""
        {"apiVersion":"v1","kind":"Pod","metadata":{"name":"{{{Name(i)}}}","namespace":"default","labels":{"app":"web","group":"g{{{i % Groups}}}","pod-template-hash":"7d4b9c6f5"},
         "annotations":{"prometheus.io/scrape":"true","prometheus.io/port":"9102","checksum/config":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}},
         "spec":{"restartPolicy":"Always","nodeName":"node-{{{i % 50}}}","serviceAccountName":"default","terminationGracePeriodSeconds":30,"containers":[{"name":"web","image":"registry.example.com/shop/web:1.24.3",
          "args":["--listen=:8080","--cache=/var/cache/web","--log-format=json"],"ports":[{"name":"http","containerPort":8080},{"name":"metrics","containerPort":9102}],
          "env":[{"name":"REGION","value":"north"},{"name":"POD_NAME","valueFrom":{"fieldRef":{"fieldPath":"metadata.name"} } }],
          "resources":{"requests":{"cpu":"100m","memory":"128Mi"},"limits":{"memory":"256Mi"}},"readinessProbe":{"httpGet":{"path":"/healthz","port":"http"},"periodSeconds":10},
          "volumeMounts":[{"name":"cache","mountPath":"/var/cache/web"}]}],"volumes":[{"name":"cache","emptyDir":{}}]}}
        """));

    /// <summary>A small object that is changed often.</summary>
    public static byte[] ConfigMap(string name) => Encoding.UTF8.GetBytes($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"{{{name}}}"},"data":{"at":"0"}}""");
}
