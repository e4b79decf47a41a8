using Google.Protobuf;
using Ote.Cluster.Access;
using Ote.Cluster.Handling;
using Ote.Cluster.Routing;
using Ote.Protocol.Tunnel;

namespace Ote.Tests.Cluster.Access;

public sealed class JudgedMessageTests
{
    [Fact]
    public void Command_goes_by_name_and_to_who_is_not_allowed_without_anything_that_could_run()
    {
        var message = new Message
        {
            Id = ByteString.CopyFromUtf8("0123456789abcdef"),
            Command = new Command { CommandUid = "u", Selector = "tier=edge", Method = "POST", Url = "/api/v1/pods", Body = ByteString.CopyFromUtf8("secret"), ContentType = "application/json" },
        };
        var parts = Dispatcher.Judged(message, ClusterSelector.Parse("tier=edge"), new AccessVerdict(new HashSet<string> { "c2" }, "no policy", IsBound: true), ["c1", "c2", "c3"]).ToArray();

        Assert.Equal(["c1,c3", "c2"], parts.Select(p => p.Message.Command.Selector));
        Assert.All(parts, p => Assert.Equal((0, "tier=edge"), (p.Message.Id.Length, p.Message.Command.Condition)));
        Assert.Equal(("", "POST"), (parts[0].Message.Command.Refusal, parts[0].Message.Command.Method));
        var refused = parts[1].Message.Command;
        Assert.Equal(("no policy", "", "", "", 0, "u"), (refused.Refusal, refused.Method, refused.Url, refused.ContentType, refused.Body.Length, refused.CommandUid));
        Assert.Equal("POST", message.Command.Method);
    }
}
