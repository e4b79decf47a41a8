using System.Reflection;
using Microsoft.Extensions.Logging;

namespace Ote.Tests.Logs;

public sealed class EventIdTests
{
    private static readonly string[] Assemblies =
        ["Ote.Flow", "Ote.Kube", "Ote.Kube.Server", "Ote.Shim", "Ote.Shim.Kubernetes", "Ote.Cluster", "Ote.EdgeCluster", "ote", "ote-center", "otectl"];

    [Fact]
    public void Event_ids_are_never_used_twice()
    {
        var ids = Assemblies
            .Select(Assembly.Load)
            .SelectMany(a => a.GetTypes())
            .SelectMany(t => t.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(m => (Method: $"{m.DeclaringType}.{m.Name}", m.GetCustomAttribute<LoggerMessageAttribute>()?.EventId))
            .Where(m => m.EventId is not null)
            .ToArray();

        Assert.True(ids.Length > 20, $"only {ids.Length} log methods were found");
        Assert.Empty(ids.GroupBy(m => m.EventId).Where(g => g.Count() > 1).Select(g => $"{g.Key}: {string.Join(", ", g.Select(m => m.Method))}"));
    }
}
