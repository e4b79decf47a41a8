using System.CommandLine;
using Ote.Roles.EdgeController;
using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.EdgeController;

public sealed class EdgeControllerTimesTests
{
    [Theory]
    [InlineData("", null, 5)]
    [InlineData("--silence 30s", 30, 5)]
    [InlineData("--silence 13s --interval 2s", 13, 2)]
    [InlineData("--interval 9s", null, 9)]
    [InlineData("--silence 60s --node-monitor-grace-period 2m", 60, 5)]
    [InlineData("--silence 1m --interval 30s --node-monitor-grace-period 1d", 60, 30)]
    public void Nodes_are_looked_after_before_Kubernetes_gives_them_up(string typed, int? silence, int interval)
    {
        var options = Read(typed);
        Assert.Equal((silence, interval), ((int?)options.Silence?.TotalSeconds, (int)options.Interval.TotalSeconds));
    }

    [Theory]
    [InlineData("--silence 60s", "--silence: 60s is too long: give 30s or less")]
    [InlineData("--silence 31s", "--silence: 31s is too long: give 30s or less")]
    [InlineData("--silence 60s --node-monitor-grace-period 50s", "--silence: 60s is too long: give 40s or less")]
    [InlineData("--interval 10s", "--interval: 10s is too long: give 9s or less")]
    [InlineData("--silence 20s --interval 20s", "--interval: 20s is too long: give 10s or less")]
    [InlineData("--silence 60s --interval 20s", "--silence: 60s is too long: give less, and less than 20s for --interval")]
    [InlineData("--node-monitor-grace-period 22s", "--silence: 22s is too long: give 12s or less")]
    [InlineData("--silence 10s", "--silence: 10s is too short, a kubelet is heard every 10s; give 11s or more")]
    [InlineData("--silence 0s", "give 11s or more")]
    [InlineData("--interval 0s", "--interval: 0s is too short to look at all nodes; give 1s or more")]
    [InlineData("--node-monitor-grace-period 2d", "--node-monitor-grace-period: 172800s is not between 13s and 1d")]
    [InlineData("--node-monitor-grace-period 5s", "--node-monitor-grace-period: 5s is not between 13s and 1d")]
    [InlineData("--silence 60", "--silence: '60' is no duration; write for instance 90s, 12h or 30d")]
    [InlineData("--interval -5s", "--interval: '-5s' is no duration")]
    [InlineData("--silence 9000000000000000000d", "--silence: '9000000000000000000d' is longer than 100 years; give less")]
    public void A_value_that_is_out_of_range_or_of_no_effect_is_said_with_what_to_give(string typed, string said)
    {
        var message = Assert.Throws<RoleException>(() => Read(typed)).Message;
        Assert.Contains(said, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public async Task The_command_ends_with_2_before_it_asks_anybody() =>
        Assert.Equal(2, await EdgeControllerCommand.Create().Parse(["--kubeconfig", "/nowhere", "--silence", "60s"]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));

    private static Ote.Controllers.EdgeNodes.EdgeNodeControllerOptions Read(string typed)
    {
        var times = new EdgeControllerTimes();
        var command = new Command("edge-controller");
        times.AddTo(command);
        return times.Read(command.Parse(typed.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }
}
