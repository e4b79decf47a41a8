using System.Diagnostics.Metrics;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Ote.Kube.Objects;
using Ote.Kube.Server;
using Ote.Kube.Server.Access;
using Ote.Kube.Server.Store;

namespace Ote.Tests.Kube.Server.Lifecycle;

public sealed class FormerEventsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-events-").FullName;
    private readonly Meter _meter = new("test");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _meter.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Events_that_were_kept_apart_are_found_where_all_events_are()
    {
        await using (var store = Open())
        {
            var now = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ssZ", System.Globalization.CultureInfo.InvariantCulture);
            var obj = new JsonObject
            {
                ["apiVersion"] = "events.k8s.io/v1", ["kind"] = "Event", ["note"] = "of before", ["regarding"] = new JsonObject { ["name"] = "p" },
                ["metadata"] = new JsonObject { ["name"] = "old", ["namespace"] = "default", ["uid"] = "u1", ["creationTimestamp"] = now },
            };
            await store.WriteAsync(new StoreWrite { Key = Former, Expected = 0, Value = EncodedObject.From(obj) });
        }

        await using (var server = await ApiServer.StartAsync(new ApiServerOptions { DataDirectory = _folder }, NullLoggerFactory.Instance, TimeProvider.System, Token))
        {
            using var client = server.CreateClient(UserInfo.Admin);
            var seen = await client.GetAsync(Kinds.Events, "default", "old", Token);
            Assert.Equal(("v1", "of before", "p", "u1"), (seen.Text("apiVersion"), seen.Text("message"), seen.Text("involvedObject", "name"), seen!.Uid()));
        }

        await using var after = Open();
        Assert.Null(await after.FindAsync(Former, Token));
    }

    private static StoreKey Former => new("events.k8s.io/events", "default", "old");

    private ObjectStore Open() => new(new StoreOptions { Directory = _folder }, new StoreMetrics(_meter), TimeProvider.System, NullLogger.Instance);
}
