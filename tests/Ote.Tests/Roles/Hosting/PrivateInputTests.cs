using Ote.Roles.Hosting;

namespace Ote.Tests.Roles.Hosting;

public sealed class PrivateInputTests
{
    [Theory]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite, false)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.GroupRead, true)]
    [InlineData(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead, true)]
    public void A_file_with_secrets_that_others_can_read_is_complained_of(UnixFileMode mode, bool complains)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.SetUnixFileMode(file, mode);
            Assert.Equal(
                complains ? $"--api-token-file: others than its owner can read {file}, which holds secrets; run chmod 600 {file}" : null, PrivateInput.Objection("--api-token-file", file));
        }
        finally
        {
            File.Delete(file);
        }
    }
}
