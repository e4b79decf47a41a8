using System.Text.Json.Nodes;
using Ote.Kube.Objects;

namespace Ote.Tests.Cluster.Access;

/// <summary>Command policies, written briefly.</summary>
internal static class Policies
{
    /// <summary>A policy whose spec is the inside of a YAML flow mapping.</summary>
    public static JsonObject Object(string name, string spec) => (JsonObject)Yaml.Read(Text(name, spec)).Single();

    public static string Text(string name, string spec) => $$"""
        apiVersion: ote.baidu.com/v1
        kind: CommandPolicy
        metadata: {name: {{name}}}
        spec: { {{spec}} }

        """;
}
