using System.Text.Json.Nodes;

namespace Ote.Tests.EdgeCluster;

/// <summary>Objects as an API server would hold them.</summary>
internal static class Sample
{
    public static readonly DateTimeOffset Now = new(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);

    public static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;

    public static JsonObject Deployment(int replicas, string image = "nginx:1", string strategy = """{"type":"RollingUpdate"}""") => Parse($$$"""
        {"apiVersion":"apps/v1","kind":"Deployment",
         "metadata":{"name":"web","namespace":"default","uid":"d1","generation":1},
         "spec":{"replicas":{{{replicas}}},"strategy":{{{strategy}}},"selector":{"matchLabels":{"app":"web"} },
          "template":{"metadata":{"labels":{"app":"web"} },"spec":{"containers":[{"name":"web","image":"{{{image}}}"}]} } } }
        """);

    /// <summary>A ReplicaSet of <see cref="Deployment"/> with some of its replicas available.</summary>
    public static JsonObject Set(string name, string image, int replicas, int available, int revision, int? status = null) => Parse($$$"""
        {"apiVersion":"apps/v1","kind":"ReplicaSet",
         "metadata":{"name":"{{{name}}}","namespace":"default","uid":"{{{name}}}-uid","generation":1,
          "creationTimestamp":"2026-03-01T11:0{{{revision}}}:00Z","labels":{"app":"web"},
          "annotations":{"deployment.kubernetes.io/revision":"{{{revision}}}"},
          "ownerReferences":[{"apiVersion":"apps/v1","kind":"Deployment","name":"web","uid":"d1","controller":true}]},
         "spec":{"replicas":{{{replicas}}},"selector":{"matchLabels":{"app":"web"} },
          "template":{"metadata":{"labels":{"app":"web","pod-template-hash":"{{{name}}}"} },"spec":{"containers":[{"name":"web","image":"{{{image}}}"}]} } },
         "status":{"replicas":{{{status ?? replicas}}},"readyReplicas":{{{available}}},"availableReplicas":{{{available}}} } }
        """);

    public static JsonObject Pod(string name, string phase = "Running", bool ready = true, string? node = "n1", int readyAgo = 60, int restarts = 0, string owner = "s1-uid")
    {
        var pod = Parse($$$"""
            {"apiVersion":"v1","kind":"Pod",
             "metadata":{"name":"{{{name}}}","namespace":"default","uid":"{{{name}}}-uid","creationTimestamp":"2026-03-01T11:00:00Z","labels":{"app":"web"},
              "ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"s1","uid":"{{{owner}}}","controller":true}]},
             "spec":{"containers":[{"name":"web","image":"nginx:1"}]},
             "status":{"phase":"{{{phase}}}","containerStatuses":[{"name":"web","restartCount":{{{restarts}}} }],
              "conditions":[{"type":"Ready","status":"{{{(ready ? "True" : "False")}}}","lastTransitionTime":"{{{Now.AddSeconds(-readyAgo):yyyy-MM-ddTHH:mm:ssZ}}}"}]} }
            """);
        if (node is not null)
        {
            pod["spec"]!["nodeName"] = node;
        }

        return pod;
    }

    public static JsonObject Node(string name, bool ready = true, string spec = "{}", string labels = "{}") => Parse($$$"""
        {"apiVersion":"v1","kind":"Node","metadata":{"name":"{{{name}}}","uid":"{{{name}}}-uid","labels":{{{labels}}} },"spec":{{{spec}}},
         "status":{"allocatable":{"pods":"3"},"conditions":[{"type":"Ready","status":"{{{(ready ? "True" : "False")}}}"}]} }
        """);

    public static JsonObject DaemonSet(string image = "agent:1", string podSpec = "", string update = """{"type":"RollingUpdate"}""") => Parse($$$"""
        {"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"agent","namespace":"default","uid":"ds1","generation":3},
         "spec":{"selector":{"matchLabels":{"app":"web"} },"updateStrategy":{{{update}}},
          "template":{"metadata":{"labels":{"app":"web"} },"spec":{ {{{podSpec}}} "containers":[{"name":"web","image":"{{{image}}}"}]} } } }
        """);
}
