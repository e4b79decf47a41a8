using Ote.Roles.ClusterController;

namespace Ote.Tests.Roles;

/// <summary>What kinds a controller is told to report.</summary>
public sealed class ReportOptionTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ote-report-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("--report", "pods")] // there is nothing that it could report
    [InlineData("--managed-kubeconfig", "/nowhere", "--report", "secrets")]
    [InlineData("--managed-kubeconfig", "/nowhere", "--report", "Pods")]
    public async Task What_it_cannot_report_ends_it_with_the_code_of_a_wrong_command_line_before_anything_is_written(params string[] arguments)
    {
        var data = Path.Combine(_folder, "data");
        Assert.Equal(2, await ClusterControllerCommand.Create().Parse(["--data", data, .. arguments]).InvokeAsync(cancellationToken: TestContext.Current.CancellationToken));
        Assert.False(Directory.Exists(data));
    }
}
