using System.Text.Json.Nodes;
using Ote.Cluster.Issuing;

namespace Ote.Tests.Cluster.Issuing;

public sealed class IssuingSpecTests
{
    [Theory]
    [InlineData("""{}""", null)]
    [InlineData("""{"issuing":{"until":"2030-01-01T00:00:00Z"}}""", "* for 86400 s")]
    [InlineData("""{"issuing":{"until":"2030-01-01T00:00:00Z","namePattern":"shop-*","certificateSeconds":600}}""", "shop-* for 600 s")]
    [InlineData("""{"issuing":{}}""", "until is missing")]
    [InlineData("""{"issuing":{"until":"soon"}}""", "until is missing, or no time")]
    [InlineData("""{"issuing":{"until":"2030-01-01T00:00:00Z","certificateSeconds":599}}""", "certificateSeconds is not between 600 and 2592000")]
    [InlineData("""{"issuing":{"until":"2030-01-01T00:00:00Z","certificateSeconds":9223372036854775807}}""", "certificateSeconds is not between")]
    public void Spec_is_read_or_said_to_be_wrong(string spec, string? expected)
    {
        var isRead = IssuingSpec.TryRead(new JsonObject { ["spec"] = JsonNode.Parse(spec) }, out var read, out var error);
        Assert.Equal(isRead, read is not null);
        var said = read is null ? error : $"{read.NamePattern} for {read.Life.TotalSeconds} s";
        Assert.True(expected is null ? said is null : said?.StartsWith(expected, StringComparison.Ordinal) == true, said);
    }

    [Fact]
    public void Leaves_are_remembered_in_the_object_and_another_spec_or_uid_is_another_leave()
    {
        var cluster = new JsonObject { ["metadata"] = new JsonObject { ["name"] = "north" } };
        var spec = new IssuingSpec("shop-*", DateTimeOffset.FromUnixTimeSeconds(1_900_000_000), TimeSpan.FromDays(1));
        GrantRecord[] grants = [GrantRecord.Make(spec, "u1"), GrantRecord.Make(spec with { NamePattern = "*" }, "u1")];
        GrantRecord.Write(cluster, grants);
        Assert.Equal(grants, GrantRecord.Read(cluster));
        Assert.Equal(4, new[] { GrantRecord.NameOf(spec, "u1"), grants[1].Of, GrantRecord.NameOf(spec, "u2"), GrantRecord.NameOf(spec with { Life = TimeSpan.FromDays(2) }, "u1") }.Distinct().Count());
        Assert.NotEqual(grants[0].Id, GrantRecord.Make(spec, "u1").Id);

        cluster["metadata"]!["annotations"]!["ote.baidu.com/issuer-grants"] = "nonsense issuer-1/soon/x issuer-2/99999999999999999/x " + grants[0].Id + "/1900000000/of";
        Assert.Equal([grants[0].Id], GrantRecord.Read(cluster).Select(g => g.Id));
        GrantRecord.Write(cluster, []);
        Assert.Empty(GrantRecord.Read(cluster));
    }
}
