using System.Text;
using Ote.Kube.Server.Schema;
using Ote.Kube.Server.Store;
using Ote.Kube.Server.Watching;

namespace Ote.Tests.Kube.Server.Watching;

public sealed class WatchLineTests
{
    private static readonly byte[] Json = """{"apiVersion":"autoscaling/v2","kind":"HorizontalPodAutoscaler","metadata":{"name":"a"}}"""u8.ToArray();

    [Fact]
    public void AChange_IsEncodedOnceForAllWhoSeeItAlike()
    {
        var kind = Kind("v2");
        var change = Change();
        var line = WatchLine.Of(change, kind, "MODIFIED");
        Assert.Equal($$"""{"type":"MODIFIED","object":{{Encoding.UTF8.GetString(Json)}}}""" + "\n", Encoding.UTF8.GetString(line.Bytes.Span));
        Assert.Same(line, WatchLine.Of(change, kind, "MODIFIED"));
    }

    [Fact]
    public void ThoseWhoSeeItInAnotherWay_GetAnotherLine()
    {
        var change = Change();
        _ = WatchLine.Of(change, Kind("v2"), "MODIFIED");
        Assert.StartsWith("{\"type\":\"ADDED\",", Encoding.UTF8.GetString(WatchLine.Of(change, Kind("v2"), "ADDED").Bytes.Span), StringComparison.Ordinal);
        Assert.Contains("\"autoscaling/v1\"", Encoding.UTF8.GetString(WatchLine.Of(change, Kind("v1"), "ADDED").Bytes.Span), StringComparison.Ordinal);
        Assert.Contains("\"autoscaling/v2\"", Encoding.UTF8.GetString(WatchLine.Of(change, Kind("v2"), "ADDED").Bytes.Span), StringComparison.Ordinal);
    }

    private static Change Change() => new(7, ChangeKind.Modified, new StoreKey("autoscaling/horizontalpodautoscalers", "default", "a"), Json, Json);

    private static KindInfo Kind(string version) => SchemaCatalog.BuiltIn.Find("autoscaling", version, "horizontalpodautoscalers")!;
}
