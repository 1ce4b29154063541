@echo off
rem Builds, tests, measures, packs and runs the example: build.cmd --help. build.sh does the same on Linux and macOS.
setlocal EnableExtensions DisableDelayedExpansion

set "root=%~dp0"
set "root=%root:~0,-1%"
set DOTNET_NOLOGO=1
set DOTNET_CLI_TELEMETRY_OPTOUT=1

if not defined PTUNING_SHARED if exist "%root%\..\shared\" set "PTUNING_SHARED=%root%\..\shared"
for %%v in (PTUNING_GOLDEN PTUNING_TOKENIZERS PTUNING_DATA PTUNING_SHARED) do call :resolve_folder %%v || exit /b 2

set "command=%~1"
if not defined command set "command=build"
set "rest="
:collect
shift
if "%~1"=="" goto collected
set rest=%rest% %1
goto collect
:collected
set "first="
for /f "tokens=1" %%a in ("%rest%") do set "first=%%~a"

for %%c in (build example test bench pack) do if "%command%"=="%%c" goto %command%
if "%command%"=="-h" goto usage
if "%command%"=="--help" goto usage
call :refuse "unknown command '%command%'."
exit /b 2

:build
if defined rest goto no_more
call :find_sdk && call :compile Microsoft.ML.PTuning.sln
exit /b %errorlevel%

:example
if defined rest if not "%first%"=="--" goto no_more
if defined rest set rest=%rest:* -- =%
if "%rest%"==" --" set "rest="
call :find_sdk && call :compile examples\TicketRouting && dotnet "%root%\examples\TicketRouting\bin\Release\net10.0\TicketRouting.dll" %rest%
exit /b %errorlevel%

:bench
set "name=Microsoft.ML.PTuning.Benchmarks"
call :find_sdk && call :compile test\%name% && dotnet "%root%\test\%name%\bin\Release\net10.0\%name%.dll" %rest%
exit /b %errorlevel%

:pack
if defined rest goto no_more
call :find_sdk || exit /b 1
for %%p in (Microsoft.ML.PTuning Microsoft.ML.PTuning.Serving Microsoft.ML.PTuning.AspNetCore Microsoft.ML.PTuning.Orleans Microsoft.ML.PTuning.Plots Microsoft.ML.PTuning.Backbone.MiniLM Microsoft.ML.PTuning.Backbone.Mini) do call :compile src\%%p -t:Pack "-p:PackageOutputPath=%root%\artifacts" || exit /b 1
call :compile src\Microsoft.ML.PTuning.Tool -t:Pack "-p:PackageOutputPath=%root%\artifacts" -p:PublishReadyToRun=true || exit /b 1
dir "%root%\artifacts"
exit /b 0

:test
set "name=" & set "category=" & set "slow="
call :test_options %rest% || exit /b 2
set "filter=FullyQualifiedName~."
if defined name set "filter=FullyQualifiedName~%name%"
if defined category set "filter=%filter%&TestCategory=%category%"
if not defined slow set "filter=%filter%&TestCategory!=Slow"

call :find_sdk && call :compile test\Microsoft.ML.PTuning.Tests || exit /b 1
set "program=%root%\test\Microsoft.ML.PTuning.Tests\bin\Release\net10.0\Microsoft.ML.PTuning.Tests.dll"
set "log=%TEMP%\ptuning-test-%RANDOM%%RANDOM%.log"
set DOTNET_CLI_UI_LANGUAGE=en
powershell -NoProfile -Command "& dotnet $env:program --no-ansi --filter $env:filter | Tee-Object -FilePath $env:log; exit $LASTEXITCODE"
set "code=%errorlevel%"

set "passed="
for /f "tokens=1,2" %%a in ('type "%log%" ^| findstr /r /c:"^  succeeded: [0-9]" /c:"^  failed: [0-9]" /c:"^  skipped: [0-9]"') do (
    if "%%a"=="succeeded:" set "passed=%%b"
    if "%%a"=="failed:" set "failed=%%b"
    if "%%a"=="skipped:" set "skipped=%%b"
)
del "%log%"
if not defined passed (
    echo build.cmd: the test program broke off without a summary, exit code %code%.>&2
    set "passed=0" & set "failed=1" & set "skipped=0"
    if "%code%"=="0" set "code=1"
)
if "%code%"=="8" echo build.cmd: no test matches.>&2
echo %passed% passed, %failed% failed, %skipped% skipped
exit /b %code%

:test_options
if "%~1"=="" exit /b 0
if "%~1"=="--slow" (
    set "slow=true"
    shift
    goto test_options
)
set "option="
if "%~1"=="--filter" set "option=name"
if "%~1"=="--category" set "option=category"
if not defined option (
    call :refuse "unknown argument '%~1'."
    exit /b 2
)
if "%~2"=="" (
    if "%option%"=="name" call :refuse "--filter needs a part of a test's full name."
    if "%option%"=="category" call :refuse "--category needs the name of a test category."
    exit /b 2
)
set "value=%~2"
set "value=%value:\=\\%"
set "value=%value:(=\(%"
set "%option%=%value:)=\)%"
shift
shift
goto test_options

rem Folders that the caller names are relative to the caller's folder.
:resolve_folder
call set "folder=%%%1%%"
if not defined folder exit /b 0
if not exist "%folder%\" goto no_folder
for %%f in ("%folder%") do set "%1=%%~ff"
exit /b 0
:no_folder
echo build.cmd: %1 names '%folder%', which is not a folder (looked from %CD%).>&2
exit /b 2

rem The machine's SDK where it is the one of global.json, else the one in .dotnet.
:find_sdk
call :has_sdk && exit /b 0
set "DOTNET_ROOT=%root%\.dotnet"
set "PATH=%root%\.dotnet;%PATH%"
call :has_sdk && exit /b 0
for /f "tokens=2 delims=:, " %%v in ('findstr version "%root%\global.json"') do set "version=%%~v"
if not exist "%root%\.dotnet\" mkdir "%root%\.dotnet"
for %%n in (1 2 3) do call :install_sdk %%n && exit /b 0
echo build.cmd: found no .NET SDK %version% and could not fetch it from https://dot.net. Offline? Install it (https://dot.net/download) or unpack it into %root%\.dotnet.>&2
exit /b 1

:install_sdk
echo build.cmd: fetching the .NET SDK %version% into %root%\.dotnet (attempt %1 of 3)>&2
set "script=%root%\.dotnet\dotnet-install.ps1"
powershell -NoProfile -Command "[Net.ServicePointManager]::SecurityProtocol = 'Tls12'; Invoke-WebRequest -UseBasicParsing https://dot.net/v1/dotnet-install.ps1 -OutFile $env:script" || exit /b 1
powershell -NoProfile -ExecutionPolicy Bypass -File "%script%" -Version %version% -InstallDir "%root%\.dotnet" -NoPath || exit /b 1
call :has_sdk
exit /b %errorlevel%

:has_sdk
pushd "%root%"
dotnet --version > nul 2>&1
set "found=%errorlevel%"
popd
exit /b %found%

rem dotnet takes global.json from the folder it runs in; what is built runs in the caller's folder.
:compile
echo build.cmd: building %1>&2
pushd "%root%"
dotnet msbuild %1 -restore -p:Configuration=Release -v:q -nologo -tl:off %2 %3
set "built=%errorlevel%"
popd
exit /b %built%

:no_more
if "%first%"=="-h" goto usage
if "%first%"=="--help" goto usage
call :refuse "unknown argument '%first%'."
exit /b 2

:refuse
echo build.cmd: %~1>&2
call :usage >&2
exit /b 2

:usage
echo usage: build.cmd [build ^| example ^| test ^| bench ^| pack] [options]
echo.
echo   build                        everything (the default)
echo   example [-- ARGUMENTS]       examples\TicketRouting: train, evaluate, save, load, predict
echo   test [--filter X] [--category C] [--slow]
echo                                tests whose full name contains X, of category C; those of category Slow only with --slow
echo   bench [NAME] [--list] [--json FILE] [--threads N]
echo                                side-by-side measurements, as ratios taken in one run
echo   pack                         NuGet packages, into artifacts\
echo.
echo Where the .NET SDK of global.json is missing, it is fetched into .dotnet\ first.
echo.
echo PTUNING_GOLDEN       folder of golden vectors         (default: the copy committed with the tests)
echo PTUNING_TOKENIZERS   folder of real vocabularies      (default: tokenizers\ beside the golden vectors)
echo PTUNING_DATA         folder of data sets              (default: data\ of PTUNING_SHARED)
echo PTUNING_SHARED       files shared by developers       (default: ..\shared beside the repository, where it exists)
echo Tests that need a folder which is not there are inconclusive, and say so.
exit /b 0
